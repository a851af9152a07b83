//! Parameters that were trained before, in a network of which others start from the beginning.

use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::tensor::Tensor;

/// Which these are, and how much more slowly they change: at the pace of random ones they would forget what they know before
/// those say anything.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pretrained {
    /// By the path within the module, as in `matcher.head.weight`.
    pub(crate) is: fn(&str) -> bool,
    /// Their learning rate as a share of that of the others.
    pub(crate) rate: f64,
}

impl Pretrained {
    pub(crate) fn ids<M: Module>(&self, module: &M) -> Vec<ParamId> {
        let mut collector = Collector {
            path: Vec::new(),
            is: self.is,
            found: Vec::new(),
        };
        module.visit(&mut collector);
        collector.found
    }
}

struct Collector {
    path: Vec<String>,
    is: fn(&str) -> bool,
    found: Vec<ParamId>,
}

impl ModuleVisitor for Collector {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if (self.is)(&self.path.join(".")) {
            self.found.push(param.id);
        }
    }
}
