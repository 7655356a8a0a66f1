import { NOTIFICATION_GROUP } from '../../names.ts'
import { FRESH_STATUS } from '../../resource/fields.ts'
import { AGE_COLUMN, READY_COLUMN, type Resource, type ResourceKind, STATUS_COLUMN } from '../../resource/kind.ts'
import { type AlertSpec, alertSpec } from './alert.ts'
import { type ProviderSpec, providerSpec } from './provider.ts'
import { type ReceiverSpec, type ReceiverStatus, receiverSpec, receiverStatus } from './receiver.ts'

const NOTIFICATION = { group: NOTIFICATION_GROUP, categories: ['all', 'fluxcd', 'fluxcd-notifications'], namespaced: true } as const

const PROVIDER = {
  ...NOTIFICATION,
  version: 'v1beta3',
  kind: 'Provider',
  plural: 'providers',
  shortNames: [],
  description: 'Where to send events to, and how.',
  columns: [AGE_COLUMN],
  spec: providerSpec,
} as const satisfies ResourceKind
export type Provider = Resource<'Provider', ProviderSpec, Readonly<Record<string, never>>>

const ALERT = {
  ...NOTIFICATION,
  version: 'v1beta3',
  kind: 'Alert',
  plural: 'alerts',
  shortNames: [],
  description: 'Which events of which objects to send.',
  columns: [AGE_COLUMN],
  spec: alertSpec,
} as const satisfies ResourceKind
export type Alert = Resource<'Alert', AlertSpec, Readonly<Record<string, never>>>

const RECEIVER = {
  ...NOTIFICATION,
  version: 'v1',
  kind: 'Receiver',
  plural: 'receivers',
  shortNames: [],
  description: 'A webhook that has objects reconciled.',
  columns: [AGE_COLUMN, READY_COLUMN, STATUS_COLUMN],
  spec: receiverSpec,
  status: receiverStatus,
  freshStatus: FRESH_STATUS,
} as const satisfies ResourceKind
export type Receiver = Resource<'Receiver', ReceiverSpec, ReceiverStatus>

/** The kinds of notification. */
export const NOTIFICATION_KINDS = [PROVIDER, ALERT, RECEIVER] as const
