import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { REPOSITORY } from './page.js';

/** What an editor shows is what the compiler left in the declarations. */
const DECLARATIONS = join(REPOSITORY, 'dist/src');
const read = (path: string) => readFileSync(path, 'utf8');

/** Each name that the package exports, with the declaration file that says what it is. */
const exported = [
  ...read(join(DECLARATIONS, 'index.d.ts')).matchAll(/(?:import|export)(?: type)? \{([^}]*)\} from '([^']+)'/g),
].flatMap(([, names, from]) =>
  names.split(',').flatMap((name) => {
    const bare = name.replace('type ', '').trim();
    return bare === '' ? [] : [{ name: bare, path: join(DECLARATIONS, from.replace(/\.js$/, '.d.ts')) }];
  }),
);

interface Member {
  name: string;
  optional: boolean;
  /** The comment before it; empty without one. */
  comment: string;
}

/** The comment that ends right before `at`. */
const commentBefore = (text: string, at: number): string =>
  /\/\*\*(?:[^*]|\*(?!\/))*\*\/\s*$/.exec(text.slice(0, at))?.[0] ?? '';

/** The declaration of `name`: its comment, and its members where it is an interface. */
function declarationOf(text: string, name: string): { comment: string; members: Member[] } | null {
  const found = new RegExp(`^export (?:declare )?(?:const|function|class|interface|type) ${name}\\b`, 'm').exec(text);
  if (!found) return null;
  const comment = commentBefore(text, found.index);
  if (!found[0].includes('interface')) return { comment, members: [] };
  const end = text.indexOf('\n}', found.index);
  const members = [...text.slice(found.index, end).matchAll(/^ {4}(?:readonly )?(\[?[\w.]+\]?)(\??)[:(]/gm)].map(
    (member) => ({
      name: member[1],
      optional: member[2] === '?',
      comment: commentBefore(text, found.index + member.index),
    }),
  );
  return { comment, members };
}

const own = exported.filter(({ name }) => name !== 'FlashrowError');
const declarations = own.map(({ name, path }) => ({ name, path, declared: declarationOf(read(path), name) }));

describe('the text that an editor shows', () => {
  it('is there for every export', () => {
    expect(declarations.length).toBeGreaterThan(40);
    expect(declarations.filter(({ declared }) => declared === null).map(({ name }) => name)).toEqual([]);
    expect(declarations.filter(({ declared }) => declared?.comment === '').map(({ name }) => name)).toEqual([]);
  });

  it('is there for every member', () => {
    const bare = declarations.flatMap(({ name, declared }) =>
      declared!.members.filter(({ comment }) => comment === '').map((member) => `${name}.${member.name}`),
    );
    expect(bare).toEqual([]);
  });

  it('gives the default of every option', () => {
    // Callbacks and signals are left out, or they are not.
    const hasNone = /^(on[A-Z]\w*|signal)$/;
    const silent = declarations
      .filter(({ name }) => name.endsWith('Options'))
      .flatMap(({ name, declared }) =>
        declared!.members
          .filter(({ name, optional, comment }) => optional && !hasNone.test(name) && !/default|A hint/i.test(comment))
          .map((member) => `${name}.${member.name}`),
      );
    expect(silent).toEqual([]);
  });

  it('gives the errors of every function', () => {
    const functions = declarations.filter(({ name }) =>
      /^(load|plan|convert|verify|calibrate|compare|pull|list|remove|examine)[A-Z]/.test(name),
    );
    expect(functions).toHaveLength(10);
    expect(functions.filter(({ declared }) => !/throws/i.test(declared!.comment)).map(({ name }) => name)).toEqual([]);
  });

  it('would be missed', () => {
    const text = 'export interface A {\n    a: number;\n    /** b */\n    b?: string;\n}\n';
    expect(declarationOf(text, 'A')).toEqual({
      comment: '',
      members: [
        { name: 'a', optional: false, comment: '' },
        { name: 'b', optional: true, comment: '/** b */\n' },
      ],
    });
  });
});
