/** Where a bucket is, in the words of its object. */
export interface BucketPlace {
  /** `host` or `host:port`. */
  readonly endpoint: string
  readonly bucketName: string
  readonly insecure?: boolean | undefined
}

const BUCKET_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]$/
/** Object storages that have each bucket at a host of its own; all others take its name as the first part of the path. */
const HOST_FOR_EACH = ['.amazonaws.com', '.amazonaws.com.cn', '.aliyuncs.com']

/** The address of a bucket, without a slash at its end; a problem where there can be none. */
export function bucketUrl({ bucketName, endpoint, insecure }: BucketPlace): { readonly url: string } | { readonly problem: string } {
  const scheme = insecure ? 'http' : 'https'
  if (!BUCKET_NAME.test(bucketName) || bucketName.includes('..'))
    return { problem: `invalid bucket name ${JSON.stringify(bucketName)}: 3 to 63 letters, digits, dots and dashes are one` }
  const text = `${scheme}://${endpoint}`
  const at = URL.canParse(text) ? new URL(text) : undefined
  if (!at || !/^[^/?#@\\\s]+$/.test(endpoint))
    return { problem: `invalid endpoint ${JSON.stringify(endpoint)}: it is a host, perhaps with a port, without scheme and path` }
  // A certificate for all hosts of one level does not hold for a name with dots.
  const ownHost = HOST_FOR_EACH.some((suffix) => at.hostname.endsWith(suffix)) && (insecure || !bucketName.includes('.'))
  return { url: ownHost ? `${scheme}://${bucketName}.${at.host}` : `${scheme}://${at.host}/${bucketName}` }
}

/** The region that an address names, as Amazon's do. */
export function regionIn(url: string): string | undefined {
  return /(?:^|[.-])s3[.-](?:dualstack\.)?([a-z]{2}(?:-[a-z]+)+-\d)\.amazonaws\.com(?:\.cn)?$/.exec(new URL(url).hostname)?.[1]
}
