/** What is made of an object that never changes. */

/** A function that makes it once for each object. */
export function memo<Key extends object, More extends unknown[], Made>(
  make: (key: Key, ...more: More) => Made,
): (key: Key, ...more: More) => Made {
  const made = new WeakMap<Key, Made>();
  return (key, ...more) => {
    if (!made.has(key)) made.set(key, make(key, ...more));
    return made.get(key) as Made;
  };
}
