interface Part {
  name: string;
  value: number;
  /** One of the colours --part1 to --part4. */
  tone: 1 | 2 | 3 | 4;
}

/** Parts of a whole as a bar, with their values in words. `whole` may be more than the parts together. */
export function Shares({
  title,
  parts,
  whole,
  format,
}: {
  title: string;
  parts: Part[];
  whole: number;
  format: (value: number) => string;
}) {
  const total = Math.max(
    whole,
    parts.reduce((sum, { value }) => sum + value, 0),
    1e-9,
  );
  return (
    <figure class="shares">
      <figcaption>{title}</figcaption>
      <svg class="bar" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
        <rect class="rest" width="100" height="6" />
        {parts.map(({ name, value, tone }, at) => (
          <rect
            key={name}
            class={`tone${tone}`}
            x={(100 * parts.slice(0, at).reduce((sum, part) => sum + part.value, 0)) / total}
            width={(100 * value) / total}
            height="6"
          />
        ))}
      </svg>
      <ul class="legend">
        {parts.map(({ name, value, tone }) => (
          <li key={name}>
            <i class={`dot tone${tone}`} />
            {name} <b>{format(value)}</b>
          </li>
        ))}
      </ul>
    </figure>
  );
}
