declare module 'express4' {
  // What the tests use is the same in both versions.
  import express = require('express');
  export = express;
}
