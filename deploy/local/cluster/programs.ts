import { join } from 'node:path'
import type { Program } from '../process/processes.ts'
import type { ControlPlaneHome } from './home.ts'

/** The programs of a control plane, in the order they start. */
export const PROGRAMS = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kwok'] as const

export type Face = (typeof PROGRAMS)[number]

/** How each program of a control plane is run. */
export function programs(
  home: ControlPlaneHome,
  tools: { readonly kubernetes: string; readonly kwok: string },
): Readonly<Record<Face, Program>> {
  const face = (name: Face, args: readonly string[]): Program => ({ name, command: [tools.kubernetes, name, ...args] })
  return {
    etcd: face('etcd', etcd(home)),
    'kube-apiserver': face('kube-apiserver', apiServer(home)),
    'kube-controller-manager': face('kube-controller-manager', controllers(home)),
    'kube-scheduler': face('kube-scheduler', [`--kubeconfig=${home.kubeconfig}`, '--leader-elect=false', '--secure-port=0']),
    kwok: {
      name: 'kwok',
      command: [
        tools.kwok,
        `--kubeconfig=${home.kubeconfig}`,
        '--manage-all-nodes',
        `--config=${join(import.meta.dirname, 'kwok-stages.yaml')}`,
        '--cidr=10.1.0.0/16',
      ],
      env: { HOME: home.dir },
    },
  }
}

/** `--unsafe-no-fsync`: its files survive the end of the process, though not a power cut, which a local cluster need not. */
function etcd({ dir, etcdUrl, ports }: ControlPlaneHome): readonly string[] {
  const peer = `http://127.0.0.1:${ports.etcdPeer}`
  return [
    `--data-dir=${join(dir, 'etcd')}`,
    `--listen-client-urls=${etcdUrl}`,
    `--advertise-client-urls=${etcdUrl}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=default=${peer}`,
    '--unsafe-no-fsync',
    '--log-level=warn',
  ]
}

function apiServer({ dir, etcdUrl, ports }: ControlPlaneHome): readonly string[] {
  const pki = join(dir, 'pki')
  return [
    `--etcd-servers=${etcdUrl}`,
    '--bind-address=127.0.0.1',
    '--advertise-address=127.0.0.1',
    `--secure-port=${ports.api}`,
    `--cert-dir=${pki}`,
    `--token-auth-file=${join(pki, 'tokens.csv')}`,
    '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
    `--service-account-key-file=${join(pki, 'service-accounts.pub')}`,
    `--service-account-signing-key-file=${join(pki, 'service-accounts.key')}`,
    '--authorization-mode=RBAC',
    '--service-cluster-ip-range=10.96.0.0/16',
    '--enable-priority-and-fairness=true',
    '--profiling=false',
  ]
}

/** The default of 20 requests a second makes Deployments wait for no reason on a cluster without kubelets. */
function controllers({ dir, kubeconfig, caFile }: ControlPlaneHome): readonly string[] {
  return [
    `--kubeconfig=${kubeconfig}`,
    `--service-account-private-key-file=${join(dir, 'pki', 'service-accounts.key')}`,
    `--root-ca-file=${caFile}`,
    '--leader-elect=false',
    '--secure-port=0',
    '--kube-api-qps=500',
    '--kube-api-burst=1000',
    '--concurrent-namespace-syncs=20',
  ]
}
