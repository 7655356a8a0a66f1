/** What a Rollout knows of its clusters beside their rows: of which of them something was heard since it last asked. */
export interface Heard {
  readonly clusters: ReadonlySet<string>
  /** When it last asked of every cluster, by the database's clock. */
  readonly askedAllAt: Date
}

interface Hearing {
  clusters: Set<string>
  askedAllAt: Date | undefined
}

/**
 * What this replica heard since its looks at the runs in progress. A cluster of which nothing was heard is as it was: a look
 * need not ask of it. What another replica heard, that one looks at; since it may be killed over what it heard, every
 * cluster is asked about once in a while, and whenever a wave would end.
 */
export class Hearsay {
  readonly #runs = new Map<string, Hearing>()

  add(news: readonly { readonly key: string; readonly cluster: string }[]): void {
    // Of a Rollout that is not here, the next look asks of every cluster.
    for (const { cluster, key } of news) this.#runs.get(key)?.clusters.add(cluster)
  }

  /** For a look that begins: what is heard from now on is for the next one. @returns undefined where every cluster is to be asked of */
  take(key: string): Heard | undefined {
    const { askedAllAt, clusters } = this.#runs.get(key) ?? { askedAllAt: undefined, clusters: new Set() }
    this.#runs.set(key, { clusters: new Set(), askedAllAt })
    return askedAllAt && { clusters, askedAllAt }
  }

  /** A look that asked of every cluster came to its end. */
  askedAll(key: string, at: Date): void {
    const hearing = this.#runs.get(key)
    if (hearing) hearing.askedAllAt = at
  }

  /** The next look is to ask of every cluster. */
  forget(key: string): void {
    this.#runs.delete(key)
  }
}
