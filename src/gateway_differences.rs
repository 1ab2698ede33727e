#![doc = include_str!("gateway_differences.md")]
