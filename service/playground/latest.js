// @ts-check

/**
 * Does one thing at a time; of what was asked for meanwhile only the newest.
 * @template Asked
 * @param {(asked: Asked) => Promise<void>} run does not reject
 * @returns {(asked: Asked) => void}
 */
export function latest(run) {
  /** @type {{ asked: Asked } | undefined} */
  let next;
  let isBusy = false;
  const work = async () => {
    isBusy = true;
    while (next !== undefined) {
      const { asked } = next;
      next = undefined;
      await run(asked);
    }
    isBusy = false;
  };
  return (asked) => {
    next = { asked };
    if (!isBusy) void work();
  };
}
