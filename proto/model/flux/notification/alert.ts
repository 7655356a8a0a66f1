import { z } from 'zod'
import { type Infer, localRef, stringMap } from '../../resource/fields.ts'
import { eventSource } from './event-source.ts'

export const alertSpec = z.object({
  eventMetadata: stringMap().exactOptional().describe('Metadata to add to events.'),
  eventSeverity: z.enum(['info', 'error']).default('info').describe("Which events to send: 'info' is all of them."),
  eventSources: z.array(eventSource).describe('The objects whose events are sent.'),
  exclusionList: z.array(z.string()).exactOptional().describe('Regular expressions; events with a message that matches one are not sent.'),
  inclusionList: z.array(z.string()).exactOptional().describe('Regular expressions; only events with a message that matches one are sent.'),
  providerRef: localRef().describe('The Provider to send with.'),
  summary: z.string().max(255).exactOptional().describe('Short description; use eventMetadata instead.'),
  suspend: z.boolean().exactOptional().describe('Stop sending.'),
})
export type AlertSpec = Infer<typeof alertSpec>
