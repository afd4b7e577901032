import type { Fields } from './fields.js';
import type { ExpertGroupsSpec, ExpertsSpec } from './spec.js';

/** More experts than any router chooses from. It bounds the list of tensors to look for. */
const MAX_EXPERTS = 65536;

/** Groups of experts from the two keys; null for one group. Throws CORRUPT where they do not divide the experts. */
export function groupsOf(
  fields: Fields,
  [countKey, usedKey]: [string, string],
  numExperts: number,
  ranking: ExpertGroupsSpec['ranking'] = 'two-best',
): ExpertGroupsSpec | null {
  const count = fields.count(countKey, MAX_EXPERTS);
  if (count <= 1) return null;
  if (numExperts % count !== 0 || numExperts / count < 2)
    throw fields.corrupt(countKey, `is ${count}; the ${numExperts} experts do not make so many groups of two or more`);
  const used = fields.size(usedKey);
  if (used > count) throw fields.corrupt(usedKey, `is ${used}, but there are ${count} groups of experts`);
  return { count, used, ranking };
}

/**
 * Throws CORRUPT where the numbers of experts contradict each other. The keys are those of all and of the used ones.
 */
export function checkedExperts(
  fields: Fields,
  [countKey, usedKey]: [string, string],
  experts: ExpertsSpec,
): ExpertsSpec {
  const { numExperts, numExpertsPerToken, groups } = experts;
  if (numExperts > MAX_EXPERTS) throw fields.corrupt(countKey, `is ${numExperts}; no router chooses from so many`);
  const choice = groups ? (numExperts / groups.count) * groups.used : numExperts;
  if (numExpertsPerToken > choice)
    throw fields.corrupt(
      usedKey,
      groups
        ? `is ${numExpertsPerToken}, but the groups that a token may use have ${choice} experts`
        : `is ${numExpertsPerToken}, but there are ${numExperts} experts`,
    );
  return experts;
}
