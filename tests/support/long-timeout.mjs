// Tests wait for conditions with deadlines of their own, and a busy machine may be slow; this limit only ends a test that hangs.
import { jest } from '@jest/globals';

jest.setTimeout(30_000);
