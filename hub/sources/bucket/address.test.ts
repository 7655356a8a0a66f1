import { expect, test } from 'vitest'
import { bucketUrl, regionIn } from './address.ts'

test.each([
  ['a server of our own', 'minio.example.com:9000', 'apps', false, 'https://minio.example.com:9000/apps'],
  ['plain HTTP', '10.0.0.1:9000', 'apps', true, 'http://10.0.0.1:9000/apps'],
  ['Amazon, which has a host for each bucket', 's3.eu-west-1.amazonaws.com', 'apps', false, 'https://apps.s3.eu-west-1.amazonaws.com'],
  ['a name with dots, for which no certificate holds', 's3.amazonaws.com', 'a.b', false, 'https://s3.amazonaws.com/a.b'],
  ['Alibaba', 'oss-cn-hangzhou.aliyuncs.com', 'apps', false, 'https://apps.oss-cn-hangzhou.aliyuncs.com'],
  ['a name that only looks like Amazon', 'amazonaws.com.example.org', 'apps', false, 'https://amazonaws.com.example.org/apps'],
])('the address of a bucket: %s', (_, endpoint, bucketName, insecure, url) => {
  expect(bucketUrl({ endpoint, bucketName, insecure })).toEqual({ url })
})

test.each([
  ['a scheme', 'https://s3.example.com', 'apps', 'invalid endpoint'],
  ['a path', 's3.example.com/x', 'apps', 'invalid endpoint'],
  ['a login', 'bob:secret@s3.example.com', 'apps', 'invalid endpoint'],
  ['nothing', '', 'apps', 'invalid endpoint'],
  ['a name that leads elsewhere', 's3.example.com', '../x', 'invalid bucket name'],
  ['a name with a slash', 's3.example.com', 'a/b', 'invalid bucket name'],
  ['a short name', 's3.example.com', 'ab', 'invalid bucket name'],
])('%s is refused', (_, endpoint, bucketName, message) => {
  expect(bucketUrl({ endpoint, bucketName })).toEqual({ problem: expect.stringContaining(message) })
})

test.each([
  ['https://apps.s3.eu-west-1.amazonaws.com', 'eu-west-1'],
  ['https://s3.dualstack.us-gov-west-1.amazonaws.com/apps', 'us-gov-west-1'],
  ['https://apps.s3.cn-north-1.amazonaws.com.cn', 'cn-north-1'],
  ['https://s3.amazonaws.com/apps', undefined],
  ['https://minio.example.com/apps', undefined],
])('the region in %s', (url, region) => {
  expect(regionIn(url)).toBe(region)
})
