/**
 * Does `work` while nobody else on this machine does work under the same lock file; a lock whose holder is gone is taken over.
 * @param options.waiting  called each second, with the holder's pid, while somebody else holds it
 */
export function underLock<T>(
  file: string,
  options: { readonly waiting: (pid: number) => void; readonly work: () => Promise<T> },
): Promise<T>
