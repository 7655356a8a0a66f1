/** A bundle as it is stored and sent. */
export interface StoredBundle {
  readonly encoding: string
  readonly bytes: Buffer
}

/**
 * Keeps the bundles that were asked for last, up to a number of bytes. Who asks for one that is being read waits for that
 * read; one that is not there is not remembered.
 */
export function cachedBundles(
  read: (digest: string) => Promise<StoredBundle | undefined>,
  mostBytes: number,
): (digest: string) => Promise<StoredBundle | undefined> {
  const kept = new Map<string, StoredBundle>()
  const reading = new Map<string, Promise<StoredBundle | undefined>>()
  let bytes = 0
  const keep = (digest: string, bundle: StoredBundle) => {
    if (bundle.bytes.length > mostBytes) return
    kept.set(digest, bundle)
    bytes += bundle.bytes.length
    for (const [oldest, { bytes: old }] of kept) {
      if (bytes <= mostBytes) break
      kept.delete(oldest)
      bytes -= old.length
    }
  }
  const readNow = async (digest: string) => {
    try {
      const bundle = await read(digest)
      if (bundle) keep(digest, bundle)
      return bundle
    } finally {
      reading.delete(digest)
    }
  }
  return async (digest) => {
    const known = kept.get(digest)
    if (known) {
      kept.delete(digest)
      kept.set(digest, known)
      return known
    }
    const read = reading.get(digest) ?? readNow(digest)
    if (!reading.has(digest)) reading.set(digest, read)
    return read
  }
}
