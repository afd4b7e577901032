import { useEffect, useRef } from 'preact/hooks';
import { colors, onColorChange } from './colors.js';
import type { Heat } from './heat.js';

/** Asks for the pictures of an animation while anything is warm. */
export interface Warmth {
  /** Called when heat was added. */
  warm: () => void;
}

/** Layers as rows, units as columns: what was read lights up in one colour, what was found in memory in another. */
export function FlashMap({ heat, warmth, label }: { heat: Heat; warmth: Warmth; label: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => animate(canvas.current!, heat, warmth), [heat, warmth]);
  return <canvas ref={canvas} class="map" width={heat.columns} height={heat.rows} role="img" aria-label={label} />;
}

function animate(canvas: HTMLCanvasElement, heat: Heat, warmth: Warmth): () => void {
  const context = canvas.getContext('2d')!;
  const picture = context.createImageData(heat.columns, heat.rows);
  // Who wants less motion sees each sample until the next one, and no fading.
  const still = matchMedia('(prefers-reduced-motion: reduce)');
  let palette = colors();
  let frame = 0;
  let before = 0;
  const draw = () => {
    paint(picture, heat, palette);
    context.putImageData(picture, 0, 0);
  };
  const next = (now: number) => {
    const warm = heat.cool(still.matches ? Number.POSITIVE_INFINITY : Math.max(0, now - before));
    before = now;
    draw();
    frame = warm ? requestAnimationFrame(next) : 0;
  };
  warmth.warm = () => {
    if (still.matches) {
      draw();
      heat.cool(Number.POSITIVE_INFINITY);
    } else if (frame === 0) {
      before = performance.now();
      frame = requestAnimationFrame(next);
    }
  };
  const forget = onColorChange(() => {
    palette = colors();
    draw();
  });
  draw();
  return () => {
    cancelAnimationFrame(frame);
    warmth.warm = () => {};
    forget();
  };
}

function paint({ data }: ImageData, heat: Heat, { idle, hit, read, none }: ReturnType<typeof colors>): void {
  for (let row = 0; row < heat.rows; row++) {
    const used = heat.columnsOf(row);
    for (let column = 0; column < heat.columns; column++) {
      const at = row * heat.columns + column;
      const base = column < used ? idle : none;
      for (let channel = 0; channel < 3; channel++) {
        const found = base[channel] + (hit[channel] - base[channel]) * heat.hit[at];
        data[4 * at + channel] = found + (read[channel] - found) * heat.read[at];
      }
      data[4 * at + 3] = 255;
    }
  }
}
