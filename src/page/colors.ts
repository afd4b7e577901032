type Rgb = readonly [number, number, number];

/** Colours of the style sheet, for what is drawn. They follow the system's dark or light. */
export function colors(): { idle: Rgb; hit: Rgb; read: Rgb; none: Rgb; line: string; text: string; grid: string } {
  const style = getComputedStyle(document.documentElement);
  const value = (name: string) => style.getPropertyValue(`--${name}`).trim();
  const rgb = (name: string): Rgb => {
    const number = Number.parseInt(value(name).slice(1), 16);
    return [(number >> 16) & 255, (number >> 8) & 255, number & 255];
  };
  return {
    ...{ idle: rgb('idle'), hit: rgb('hit'), read: rgb('read'), none: rgb('panel') },
    ...{ line: value('hit'), text: value('faint'), grid: value('edge') },
  };
}

/** Calls back when dark becomes light, or light dark. */
export function onColorChange(changed: () => void): () => void {
  const dark = matchMedia('(prefers-color-scheme: dark)');
  dark.addEventListener('change', changed);
  return () => dark.removeEventListener('change', changed);
}
