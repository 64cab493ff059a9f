/**
 * What the pages may do, as the header that every server of them sends; their workers get it, too.
 *
 * Always holds: wider than `'self'` is only what the core needs: to compile WebAssembly (which allows no `eval`), and
 * one policy of Trusted Types, which lets in the core's worker as a script, and no other.
 */
export const policy = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob: data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types comity-worker",
].join("; ");
