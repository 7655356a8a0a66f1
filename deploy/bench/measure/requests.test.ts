import { expect, test } from 'vitest'
import { requestsBetween, requestsIn, totalOf, writesOf } from './requests.ts'

const metrics = (patches: number, dryRuns: number) => `
# HELP apiserver_flowcontrol_dispatched_requests_total [BETA] Number of requests executed by API Priority and Fairness subsystem
apiserver_flowcontrol_dispatched_requests_total{flow_schema="bench-agent-patch",priority_level="workload-low"} ${patches}
apiserver_flowcontrol_dispatched_requests_total{flow_schema="bench-agent-get",priority_level="workload-low"} 3
apiserver_flowcontrol_dispatched_requests_total{flow_schema="bench-agent-lease",priority_level="workload-low"} ${patches}
apiserver_flowcontrol_dispatched_requests_total{flow_schema="exempt",priority_level="exempt"} 900
apiserver_request_total{code="200",dry_run="All",group="apps",resource="deployments",verb="APPLY"} ${dryRuns}
apiserver_request_total{code="200",dry_run="",group="apps",resource="deployments",verb="APPLY"} 77
`

test('requests between two looks are counted by what they were; dry runs are not writes', () => {
  const requests = requestsBetween(requestsIn(metrics(10, 4)), requestsIn(metrics(30, 14)))
  expect(requests).toMatchObject({ get: 0, patch: 10, 'dry-run': 10, lease: 20 })
  expect(totalOf(requests)).toBe(40)
  expect(writesOf(requests)).toBe(10)
})
