// @ts-check

/**
 * Does one thing at a time; however often it was asked for meanwhile, only once more.
 * @param {() => Promise<void>} run with what is newest; does not reject
 * @returns {() => void}
 */
export function newest(run) {
  let isAsked = false;
  let isBusy = false;
  const work = async () => {
    isBusy = true;
    while (isAsked) {
      isAsked = false;
      await run();
    }
    isBusy = false;
  };
  return () => {
    isAsked = true;
    if (!isBusy) void work();
  };
}
