import { z } from 'zod'
import { commonStatus, duration, type Infer, withRules } from '../../resource/fields.ts'

const ordered = (what: string) =>
  z.object({ order: z.enum(['asc', 'desc']).default('asc').describe(`Order in which ${what} are sorted; the last one is taken.`) })

const policy = z.object({
  alphabetical: ordered('tags').exactOptional().describe('Take the last tag in alphabetical order.'),
  numerical: ordered('numbers').exactOptional().describe('Take the last tag in numerical order.'),
  semver: z
    .object({ range: z.string().describe('Range of versions.') })
    .exactOptional()
    .describe('Take the highest version in a range.'),
})

const spec = z.object({
  digestReflectionPolicy: z.enum(['Always', 'IfNotPresent', 'Never']).default('Never').describe('When to write the digest of the image.'),
  filterTags: z
    .object({
      extract: z.string().exactOptional().describe('Replacement that makes the value to compare out of a match.'),
      pattern: z.string().exactOptional().describe('Regular expression that tags must match.'),
    })
    .exactOptional()
    .describe('Which tags take part.'),
  imageRepositoryRef: z
    .object({
      name: z.string().describe('Name of the ImageRepository.'),
      namespace: z.string().exactOptional().describe("Its namespace; this object's where absent."),
    })
    .describe('The scanned image.'),
  interval: duration().exactOptional().describe("How often the digest is looked up; with digestReflectionPolicy 'Always' only."),
  policy: policy.describe('How the tag is chosen; exactly one of its members.'),
  suspend: z.boolean().exactOptional().describe('Stop reconciling this object.'),
})

export const imagePolicySpec = withRules(spec, [
  {
    rule: "!has(self.interval) || (has(self.digestReflectionPolicy) && self.digestReflectionPolicy == 'Always')",
    message: "spec.interval is only accepted when spec.digestReflectionPolicy is set to 'Always'",
    holds: (self) => self.interval === undefined || self.digestReflectionPolicy === 'Always',
  },
  {
    rule: "has(self.interval) || !has(self.digestReflectionPolicy) || self.digestReflectionPolicy != 'Always'",
    message: "spec.interval must be set when spec.digestReflectionPolicy is set to 'Always'",
    holds: (self) => self.interval !== undefined || self.digestReflectionPolicy !== 'Always',
  },
])
export type ImagePolicySpec = Infer<typeof imagePolicySpec>

/** One image with its tag. */
export const imageRef = z.object({
  digest: z.string().exactOptional().describe('Digest of the image.'),
  name: z.string().describe('Name of the image.'),
  tag: z.string().describe('Tag of the image.'),
})

export const imagePolicyStatus = z.object({
  ...commonStatus,
  latestRef: imageRef.exactOptional().describe('The image that was chosen.'),
  observedPreviousRef: imageRef.exactOptional().describe('The image that was chosen before.'),
})
export type ImagePolicyStatus = Infer<typeof imagePolicyStatus>
