import type { ResponseFormat } from '../../src/index.js';

const FUNCTION = `function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  if (sorted.length % 2 === 1) return sorted[middle];
  return (sorted[middle - 1] + sorted[middle]) / 2;
}

function mean(values) {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}

function variance(values) {
  const center = mean(values);
  let sum = 0;
  for (const value of values) sum += (value - center) ** 2;
  return sum / values.length;
}`;

const REPORT = `The harbour of the town was closed for nine days in March. A storm had moved the sand bank at its mouth, so that boats
with a draught of more than two metres could not pass. The council hired a dredger from the next county, which began its
work on the fourth day and moved eleven thousand cubic metres of sand. Fishermen lost about a third of their income of that
month. The ferry to the island went from the old pier instead, three times a day in place of eight. The council has asked
for money for a longer breakwater, which would keep the sand away, and expects an answer before the summer. Until then the
depth at the mouth is measured every week, and the figures are posted at the harbour office.`;

/** A message of each kind of text: what drafts foretell well, and what they do not. */
export const PROMPTS: Readonly<Record<string, string>> = {
  code: 'Write a JavaScript class `Queue` with the methods enqueue, dequeue, peek, size, isEmpty and clear, each with a comment, and then tests for all of them with node:assert.',
  edit: `Give this code again, with every name \`values\` changed to \`numbers\`, and nothing else:\n\n${FUNCTION}`,
  json: 'Write a JSON array of eight books. Each has the fields "title", "author", "year", "pages", "language" and "available". Only the JSON.',
  summary: `Say in about 120 words what this report says, close to its words:\n\n${REPORT}`,
  prose:
    'Write the beginning of a story about a lighthouse keeper who finds a letter that was never sent. No dialogue.',
  format: 'Make up an order of a stationery shop, with two items.',
};

const ITEM = {
  type: 'object',
  properties: {
    product_name: { type: 'string', maxLength: 30 },
    quantity: { type: 'integer', minimum: 1, maximum: 99 },
    unit_price: { type: 'number', minimum: 0, maximum: 999 },
  },
  required: ['product_name', 'quantity', 'unit_price'],
};

/** The formats that answers keep, by the names of their prompts. */
export const FORMATS: Readonly<Record<string, ResponseFormat>> = {
  format: {
    type: 'json_schema',
    schema: {
      type: 'object',
      properties: {
        order_number: { type: 'integer', minimum: 1000, maximum: 9999 },
        customer_name: { type: 'string', maxLength: 30 },
        delivery_status: { enum: ['being_packed', 'on_its_way', 'delivered'] },
        items: { type: 'array', items: ITEM, minItems: 2, maxItems: 2 },
      },
      required: ['order_number', 'customer_name', 'delivery_status', 'items'],
    },
  },
};
