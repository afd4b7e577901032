/** Code, data and prose, by which the neurons of a model are weighed. What it is about hardly matters (measured). */
export const SAMPLE_TEXT = `def mean(values):
    """The mean of a list of numbers; 0 for an empty one."""
    if not values:
        return 0
    return sum(values) / len(values)

{"name": "Anna", "age": 31, "city": "Oslo", "tags": ["reader", "cook"], "active": true}

The river rose for three days. On the fourth morning the rain stopped, and the people of the village came down from
the hill to see what the water had left of their gardens. How do I get from here to the station? Take the second
street on the left, and go on until you see the bridge.

| item | price |
|---|---|
| bread | 2.40 |
| milk | 1.10 |
`;
