import type { TargetedEvent, TargetedPointerEvent } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

/** A picture of a message. */
export interface Shown {
  /** The file, as a data URI. */
  uri: string;
  name: string;
  bitmap: ImageBitmap;
  /** Left, top, right and bottom, or across and down, in pixels of the picture; null for all of it. */
  region: readonly number[] | null;
}

/** What an answer names in a picture: its words, and left, top, right and bottom in pixels. */
export interface Box {
  text: string;
  box: [number, number, number, number];
}

interface PickerProps {
  picture: Shown | null;
  setPicture: (picture: Shown | null) => void;
}

/** Takes a picture for the next message, and a region of it that is dragged on it or typed. */
export function PicturePicker({ picture, setPicture }: PickerProps) {
  const [failure, setFailure] = useState('');
  const pick = async (event: TargetedEvent<HTMLInputElement>) => {
    const input = event.currentTarget;
    const file = input.files?.[0];
    if (!file) return;
    try {
      setPicture(await readPicture(file));
      setFailure('');
    } catch {
      setFailure(`${file.name} is no picture that this browser reads`);
    }
    // The same file can be taken again.
    input.value = '';
  };
  const setRegion = (region: readonly number[] | null) => picture && setPicture({ ...picture, region });
  return (
    <div class="picker">
      <label>
        Picture <input type="file" accept="image/png,image/jpeg" onChange={(event) => void pick(event)} />
      </label>
      {failure !== '' && (
        <span class="failure" role="alert">
          {failure}
        </span>
      )}
      {picture && (
        <>
          <PictureView picture={picture} onRegion={setRegion} />
          <p class="small faint">
            Drag a part of it, or click a point, where the model takes regions. {'<region>'} in the message says where.
          </p>
          <RegionField region={picture.region} {...{ setRegion }} />
          <button type="button" onClick={() => setPicture(null)}>
            Leave the picture out
          </button>
        </>
      )}
    </div>
  );
}

interface RegionProps {
  region: readonly number[] | null;
  setRegion: (region: readonly number[] | null) => void;
}

/** The same as dragging, by keyboard. */
function RegionField({ region, setRegion }: RegionProps) {
  const typed = (event: TargetedEvent<HTMLInputElement>) => {
    const numbers = event.currentTarget.value
      .split(',')
      .map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
    const isSound = (numbers.length === 4 || numbers.length === 2) && numbers.every((one) => one >= 0);
    if (isSound || event.currentTarget.value.trim() === '') setRegion(isSound ? numbers : null);
  };
  return (
    <label>
      Region{' '}
      <input
        value={region?.join(', ') ?? ''}
        placeholder="left, top, right, bottom, or across, down"
        onChange={typed}
      />
    </label>
  );
}

async function readPicture(file: File): Promise<Shown> {
  const bitmap = await createImageBitmap(file);
  const uri = await new Promise<string>((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
  return { uri, name: file.name, bitmap, region: null };
}

/** Longer sides are drawn smaller: the page shows no more. */
const MOST_SIDE = 1024;
/** A smaller drag is a click, in pixels of the screen. */
const CLICK = 4;

interface ViewProps {
  picture: Shown;
  boxes?: readonly Box[];
  /** Told of a region that is dragged, or a point that is clicked; absent where none can be. */
  onRegion?: (region: readonly number[]) => void;
}

/** A picture, the region that the message is about, and the boxes of an answer. */
export function PictureView({ picture, boxes = [], onRegion }: ViewProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [from, setFrom] = useState<readonly [number, number] | null>(null);
  const [to, setTo] = useState<readonly [number, number] | null>(null);
  const { bitmap, region } = picture;
  const scale = Math.min(1, MOST_SIDE / Math.max(bitmap.width, bitmap.height));
  const dragged = from && to ? boxOf(from, to) : null;
  useEffect(() =>
    draw(canvas.current!, picture, { region: boxes.length > 0 ? null : (dragged ?? region), boxes }, scale),
  );
  const placeOf = ({ currentTarget, offsetX, offsetY }: TargetedPointerEvent<HTMLCanvasElement>) => {
    const inside = (at: number, shown: number, size: number) =>
      Math.min(size - 1, Math.max(0, Math.round((at * size) / shown)));
    const { clientWidth, clientHeight } = currentTarget;
    return [inside(offsetX, clientWidth, bitmap.width), inside(offsetY, clientHeight, bitmap.height)] as const;
  };
  const down = (event: TargetedPointerEvent<HTMLCanvasElement>) => {
    event.currentTarget.setPointerCapture(event.pointerId);
    setFrom(placeOf(event));
    setTo(null);
  };
  const up = (event: TargetedPointerEvent<HTMLCanvasElement>) => {
    if (!from) return;
    const end = placeOf(event);
    const shown = event.currentTarget.clientWidth / bitmap.width;
    const isClick = Math.hypot(end[0] - from[0], end[1] - from[1]) * shown < CLICK;
    onRegion!(isClick ? from : boxOf(from, end));
    setFrom(null);
    setTo(null);
  };
  const handlers = onRegion && {
    onPointerDown: down,
    onPointerMove: (event: TargetedPointerEvent<HTMLCanvasElement>) => from && setTo(placeOf(event)),
    onPointerUp: up,
    onPointerCancel: () => setFrom(null),
  };
  const said = boxes.map(({ text, box }) => `${text}: ${box.map(Math.round).join(', ')}`).join('; ');
  return (
    <canvas
      ref={canvas}
      class={onRegion ? 'picture open' : 'picture'}
      role="img"
      aria-label={said === '' ? picture.name : `${picture.name}, with ${said}`}
      width={Math.round(bitmap.width * scale)}
      height={Math.round(bitmap.height * scale)}
      {...handlers}
    />
  );
}

const boxOf = ([x1, y1]: readonly [number, number], [x2, y2]: readonly [number, number]) =>
  [Math.min(x1, x2), Math.min(y1, y2), Math.max(x1, x2), Math.max(y1, y2)] as const;

const COLOURS = ['#e6194b', '#0082c8', '#ffe119', '#3cb44b', '#f032e6', '#f58231'];
/** A point stands for a square around it. */
const AROUND_POINT = 5;

function draw(
  canvas: HTMLCanvasElement,
  { bitmap }: Shown,
  { region, boxes }: { region: readonly number[] | null; boxes: readonly Box[] },
  scale: number,
): void {
  const context = canvas.getContext('2d')!;
  const line = Math.max(2, Math.min(canvas.width, canvas.height) / 100);
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  context.lineWidth = line;
  context.font = `${Math.round(6 * line)}px system-ui, sans-serif`;
  context.textBaseline = 'bottom';
  const frame = ([left, top, right, bottom]: readonly number[], colour: string) => {
    context.strokeStyle = colour;
    context.strokeRect(left * scale, top * scale, (right - left) * scale, (bottom - top) * scale);
  };
  if (region) {
    context.setLineDash([3 * line, 2 * line]);
    const [x, y] = region;
    frame(
      region.length === 4 ? region : [x - AROUND_POINT, y - AROUND_POINT, x + AROUND_POINT, y + AROUND_POINT],
      COLOURS[0],
    );
    context.setLineDash([]);
  }
  const words = [...new Set(boxes.map(({ text }) => text))];
  for (const { text, box } of boxes) {
    const colour = COLOURS[words.indexOf(text) % COLOURS.length];
    frame(box, colour);
    context.fillStyle = colour;
    // Words that would end outside begin further left.
    const left = Math.max(0, Math.min(box[0] * scale, canvas.width - context.measureText(text).width));
    context.fillText(text, left, Math.max(7 * line, box[1] * scale - line));
  }
}
