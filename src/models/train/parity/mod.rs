//! Whole training steps of the reduced networks against the reference: losses, and gradients down to the first layer.

mod alignment;
mod multitask;

use std::collections::{BTreeMap, BTreeSet};

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Gradients, Tensor};

use crate::models::golden::{Golden, assert_close, host};

/// Gradients of a module's parameters by path, in the order in which PyTorch stores them.
struct Found<'a> {
    gradients: &'a Gradients,
    path: Vec<String>,
    values: BTreeMap<String, Vec<f32>>,
    /// Paths of parameters that take no part.
    idle: Vec<String>,
}

impl<'a> Found<'a> {
    fn of<M: Module>(module: &M, gradients: &'a Gradients) -> Self {
        let mut found = Self {
            gradients,
            path: Vec::new(),
            values: BTreeMap::new(),
            idle: Vec::new(),
        };
        module.visit(&mut found);
        found
    }

    /// Every parameter has a gradient, and each `train.grad.*` of the file equals what is at its path, to a thousandth of its
    /// largest element.
    fn assert_equal(&self, golden: &Golden<'_>, paths: &[(&str, &str)]) {
        assert_eq!(self.idle, [""; 0]);
        let names = golden.names();
        let expected = names.iter().filter_map(|n| n.strip_prefix("train.grad."));
        let expected: BTreeSet<&str> = expected.collect();
        assert_eq!(expected, paths.iter().map(|(name, _)| *name).collect());
        for (name, path) in paths {
            let key = format!("train.grad.{name}");
            let expected = golden.f32(&key).values;
            let largest = expected.iter().fold(0.0f32, |m, g| m.max(g.abs()));
            assert!(largest > 0.0, "{key}");
            assert_close(self.at(path), &expected, 1e-3 * largest, &key);
        }
    }

    fn at(&self, path: &str) -> &[f32] {
        match self.values.get(path) {
            Some(values) => values,
            None => panic!("no {path} in {:#?}", self.values.keys()),
        }
    }
}

impl ModuleVisitor for Found<'_> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let path = self.path.join(".");
        match param.val().grad(self.gradients) {
            // Only the weights of linear layers lie differently.
            Some(gradient) if D == 2 && path.ends_with(".weight") => {
                self.values.insert(path, host(gradient.swap_dims(0, 1)));
            }
            Some(gradient) => {
                self.values.insert(path, host(gradient));
            }
            None => self.idle.push(path),
        }
    }
}

/// `found` equals the one number of `key` to a hundred-thousandth.
fn assert_loss(found: &Tensor<1>, golden: &Golden<'_>, key: &str) {
    let expected = golden.f32(key).values;
    assert_close(&host(found.clone()), &expected, 1e-5 * expected[0], key);
}
