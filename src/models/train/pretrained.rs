//! Parameters that were trained before, in a network of which others start from the beginning.

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
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
    /// Takes their gradients out of `gradients`, which are those of all parameters of `module`.
    pub(crate) fn take<M: Module>(
        &self,
        module: &M,
        gradients: &mut GradientsParams,
    ) -> GradientsParams {
        let mut visitor = Taking {
            path: Vec::new(),
            is: self.is,
            from: gradients,
            taken: GradientsParams::new(),
        };
        module.visit(&mut visitor);
        visitor.taken
    }
}

struct Taking<'a> {
    path: Vec<String>,
    is: fn(&str) -> bool,
    from: &'a mut GradientsParams,
    taken: GradientsParams,
}

impl ModuleVisitor for Taking<'_> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if !(self.is)(&self.path.join(".")) {
            return;
        }
        if let Some(gradient) = self.from.remove::<D>(param.id) {
            self.taken.register(param.id, gradient);
        }
    }
}
