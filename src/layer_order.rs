#![doc = include_str!("guide/layer_order.md")]
