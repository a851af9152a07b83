//! What a step of training came to.

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::Tensor;

use crate::models::ModelError;
use crate::models::backbone::host;

/// Loss and gradients of a step.
pub(crate) struct Learned {
    pub(crate) loss: f32,
    pub(crate) gradients: GradientsParams,
}

impl Learned {
    /// Of a loss whose graph reaches back to the parameters of `module`.
    pub(crate) fn of<M: Module>(loss: Tensor<1>, module: &M) -> Result<Self, ModelError> {
        Ok(Self {
            loss: host(loss.clone())?[0],
            gradients: GradientsParams::from_grads(loss.backward(), module),
        })
    }
}
