/*
 * `~` stands for the home folder in a shell alone. A path that reaches the library with it was quoted, or comes from a
 * file of settings. Taken as it is, it would make a folder of that name, which nobody means.
 */

export const beginsWithTilde = (path: string): boolean => /^~($|[/\\])/.test(path);

export const TILDE_ADVICE = '~ is a word of the shell; write the home folder out, or ./~ for a folder of that name';
