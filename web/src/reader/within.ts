// Waiting, but not for ever.

/** What comes of some work, or of `late` where it takes more than so many milliseconds. */
export async function within<Done, Late>(
  patience: number, work: Promise<Done>, late: () => Late,
): Promise<Done | Late> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const over = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, patience);
  });
  try {
    return await Promise.race([work, over.then(late)]);
  } finally {
    clearTimeout(timer);
  }
}
