import type { Tags } from 'yaml'

/** YAML as sigs.k8s.io/yaml reads it: `yes` and `on` are booleans, `010` is 8, but times and `1:30` stay text. */
export const LIKE_GO = {
  version: '1.1' as const,
  customTags: (tags: Tags): Tags =>
    tags.filter((tag) => typeof tag === 'string' || (!/TIME$/.test(tag.format ?? '') && tag.tag !== 'tag:yaml.org,2002:timestamp')),
}
