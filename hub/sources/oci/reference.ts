/** A repository of a registry. */
export interface OciRepository {
  /** Host and port as the address has them: `ghcr.io`, `127.0.0.1:5000`. */
  readonly registry: string
  /** Where the registry's API is. */
  readonly origin: string
  readonly repository: string
}

/** The registry that `docker.io` stands for. */
const DOCKER_HUB = 'registry-1.docker.io'
const REPOSITORY = /^[a-z0-9]+([._-]+[a-z0-9]+)*(\/[a-z0-9]+([._-]+[a-z0-9]+)*)*$/

/** Reads `oci://host/path`, without tag; undefined for anything else. */
export function parseRepository(url: string, { insecure }: { readonly insecure: boolean }): OciRepository | undefined {
  const [, registry = '', path = ''] = /^oci:\/\/([^/@]+)\/(.+?)\/?$/.exec(url) ?? []
  const origin = `${insecure ? 'http' : 'https'}://${isDockerHub(registry) ? DOCKER_HUB : registry}`
  const repository = isDockerHub(registry) && !path.includes('/') ? `library/${path}` : path
  if (!REPOSITORY.test(repository) || !URL.canParse(origin)) return undefined
  return { registry, origin, repository }
}

/** True for the names under which docker's own registry is known. */
export function isDockerHub(registry: string): boolean {
  return registry === 'docker.io' || registry === 'index.docker.io' || registry === DOCKER_HUB
}
