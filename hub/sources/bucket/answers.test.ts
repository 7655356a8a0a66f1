import { expect, test } from 'vitest'
import { parseListing, parseRefusal } from './answers.ts'

const page = (inner: string) =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${inner}</ListBucketResult>`
const object = (key: string, etag = '&quot;abc&quot;', size = '3') =>
  `<Contents><Key>${key}</Key><LastModified>2026-11-21T10:00:00Z</LastModified><ETag>${etag}</ETag><Size>${size}</Size><Owner><ID>x</ID></Owner></Contents>`

test('a page has its objects and the token of the next one', () => {
  const next = '<IsTruncated>true</IsTruncated><NextContinuationToken>t/1=</NextContinuationToken>'
  expect(parseListing(page(`<Name>apps</Name>${next}${object('a &amp; b')}${object('c/d', '&#34;x-2&#34;', '0')}`))).toEqual({
    objects: [
      { key: 'a & b', etag: 'abc', size: 3 },
      { key: 'c/d', etag: 'x-2', size: 0 },
    ],
    next: 't/1=',
  })
  expect(parseListing(page('<Name>apps</Name><IsTruncated>false</IsTruncated><KeyCount>0</KeyCount>'))).toEqual({
    objects: [],
    next: undefined,
  })
})

test('keys are decoded where the server says that it has encoded them, and only there', () => {
  const key = 'a%2Fb+c%0A%25'
  expect(parseListing(page(`<EncodingType>url</EncodingType>${object(key)}`))?.objects[0]?.key).toBe('a/b c\n%')
  expect(parseListing(page(object(key)))?.objects[0]?.key).toBe(key)
})

test.each([
  ['a page of something else', '<html><body>hello</body></html>'],
  ['half a page', page(object('a')).slice(0, -30)],
  ['an answer without a floor', page('<a>'.repeat(50))],
  ['plain text', 'hello'],
  ['nothing', ''],
  ['a size that is none', page(object('a', '"x"', 'many'))],
  ['an object without an entity tag', page(object('a', ''))],
  ['a key that cannot be decoded', page(`<EncodingType>url</EncodingType>${object('%zz')}`)],
  ['a page that goes on nowhere', page(`<IsTruncated>true</IsTruncated>${object('a')}`)],
  ['entities of its own', `<!DOCTYPE x [<!ENTITY a "b">]>${page(object('&a;'))}`],
])('%s is no listing', (_, text) => {
  expect(parseListing(text)).toBeUndefined()
})

test('a refusal says its code, its message, and the region where it names one', () => {
  const text = '<Error><Code>AuthorizationHeaderMalformed</Code><Message>wrong</Message><Region>eu-west-1</Region></Error>'
  expect(parseRefusal(text)).toEqual({ code: 'AuthorizationHeaderMalformed', message: 'wrong', region: 'eu-west-1' })
  expect(parseRefusal('<html>')).toEqual({ code: '', message: '', region: '' })
})
