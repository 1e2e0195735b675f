/** Tools for the users' own tests, published as `oxcache/testing`. Nothing in the library imports from here. */
export { FakeClock } from './fake-clock.js';
