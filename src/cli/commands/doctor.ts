import { Command } from 'commander';
import { statIfThere } from '../../disk/folders.js';
import { addExamples } from '../options/help.js';
import { parseSize } from '../options/model-options.js';
import { inCommandWords } from '../output/command-words.js';
import { formatExamination } from '../output/doctor-report.js';
import { notice, printJson, printLine } from '../output/output.js';
import { examineDisk, SIZE } from './examine-disk.js';

interface DoctorFlags {
  size: number;
  json?: boolean;
}

const DEFAULT_BYTES = 256e6;

export function doctorCommand(): Command {
  const command = new Command('doctor')
    .description('what a model can expect of this machine: processor, memory, and how fast its disk reads')
    .argument('[path]', 'a folder to try, or a large file to read (default: the cache folder)')
    .option(
      `${SIZE} <bytes>`,
      'of the file that is written to be read, and removed again',
      parseSize(SIZE),
      DEFAULT_BYTES,
    )
    .action(doctor);
  return addExamples(
    command,
    ['flashrow doctor', 'what can run here'],
    ['flashrow doctor /mnt/disk --size 1GB', 'how fast another disk reads'],
  );
}

async function doctor(path: string | undefined, { size, json }: DoctorFlags, command: Command): Promise<void> {
  const isFile = path !== undefined && statIfThere(path)?.isFile() === true;
  if (isFile && command.getOptionValueSource('size') !== 'default')
    notice(`note: ${SIZE} changes nothing: ${path} is a file, which is read as it is`);
  const examination = await examineDisk(path, size);
  const told = { ...examination, verdict: examination.verdict.map(inCommandWords) };
  if (json) printJson(told);
  else printLine(formatExamination(told));
}
