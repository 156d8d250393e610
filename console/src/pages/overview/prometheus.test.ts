import assert from "node:assert/strict";
import test from "node:test";
import { buckets, parse, quantile, since, total } from "./prometheus.js";

const TEXT = `# HELP x Time
# TYPE x histogram
x_bucket{route="/a \\"b\\"",status="200",le="0.1"} 50
x_bucket{route="/a \\"b\\"",status="200",le="1"} 100
x_bucket{route="/a \\"b\\"",status="200",le="+Inf"} 100
x_count{route="/a \\"b\\"",status="200"} 100
x_count{route="/c",status="500"} 3
y 1.5e3
`;

test("samples have their labels, quoted ones too", () => {
  const scrape = parse(TEXT);
  assert.equal(total(scrape, "x_count"), 103);
  assert.equal(
    total(scrape, "x_count", ({ route }) => route === '/a "b"'),
    100,
  );
  assert.equal(total(scrape, "y"), 1500);
  assert.equal(total(scrape, "z"), 0);
});

test("a quantile is even inside its bucket", () => {
  const times = buckets(parse(TEXT), "x", () => true);
  assert.equal(quantile(0.5, times), 0.1);
  assert.equal(quantile(0.25, times), 0.05);
  assert.ok(Math.abs((quantile(0.75, times) ?? 0) - 0.55) < 1e-9);
});

test("between two scrapes only what came in between counts", () => {
  const earlier = buckets(parse(TEXT), "x", () => true);
  const later = buckets(parse(TEXT.replace(/1"} 100/, '1"} 104').replace('Inf"} 100', 'Inf"} 104')), "x", () => true);
  const between = since(earlier, later);
  assert.equal(between.get(0.1), 0);
  assert.equal(between.get(1), 4);
  assert.equal(quantile(0.5, since(earlier, earlier)), null);
});

test("values above all bounds count as the highest bound", () => {
  const above = new Map([
    [1, 0],
    [Number.POSITIVE_INFINITY, 5],
  ]);
  assert.equal(quantile(0.5, above), 1);
});
