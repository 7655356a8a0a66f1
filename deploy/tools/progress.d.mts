/**
 * Shows one step on stderr while `work` runs: on a terminal a line that counts the time, elsewhere a line at the start, one
 * every half minute, and one at the end.
 * @param work  `say` sets what is shown behind the title
 */
export function showing<T>(title: string, work: (say: (detail: string) => void) => Promise<T>): Promise<T>
