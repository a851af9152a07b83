//! Layers made of weights, from either layout.

use burn::module::Param;
use burn::nn::{LayerNorm, LayerNormConfig, Linear};
use burn::tensor::{Device, Tensor};

use super::{Layout, Result, Weights, transposed};

impl Weights<'_> {
    /// The weight of a linear layer, transposed, `[d_output, d_input]`, from either layout.
    pub(crate) fn outputs(&self, key: &str, d_input: usize, d_output: usize) -> Result<Vec<f32>> {
        match self.layout {
            Layout::Burn => Ok(transposed(
                &self.values(key, &[d_input, d_output])?,
                d_output,
            )),
            Layout::Torch => self.values(key, &[d_output, d_input]),
        }
    }

    /// The weight `[d_input, d_output]` of a linear layer, from either layout.
    fn weight(
        &self,
        key: &str,
        d_input: usize,
        d_output: usize,
        device: &Device,
    ) -> Result<Param<Tensor<2>>> {
        if self.layout == Layout::Burn {
            return self.param(key, [d_input, d_output], device);
        }
        let values = transposed(&self.values(key, &[d_output, d_input])?, d_input);
        let weight = self.to_device(values, [d_input, d_output], device);
        Ok(Param::from_tensor(weight))
    }

    /// `prefix.weight` and `prefix.bias` `[d_output]`.
    pub(crate) fn linear(
        &self,
        prefix: &str,
        d_input: usize,
        d_output: usize,
        device: &Device,
    ) -> Result<Linear> {
        Ok(Linear {
            weight: self.weight(&format!("{prefix}.weight"), d_input, d_output, device)?,
            bias: Some(self.param(&format!("{prefix}.bias"), [d_output], device)?),
        })
    }

    /// `prefix.weight` and `prefix.bias`, both `[d_model]`.
    pub(crate) fn layer_norm(
        &self,
        prefix: &str,
        d_model: usize,
        epsilon: f64,
        device: &Device,
    ) -> Result<LayerNorm> {
        let mut norm = LayerNormConfig::new(d_model)
            .with_epsilon(epsilon)
            .init(device);
        norm.gamma = self.param(&format!("{prefix}.weight"), [d_model], device)?;
        norm.beta = Some(self.param(&format!("{prefix}.bias"), [d_model], device)?);
        Ok(norm)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::file;
    use super::*;
    use crate::models::tensors::SafetensorsBytes;

    #[test]
    fn both_layouts_give_the_same_layer() {
        let device = crate::models::DeviceChoice::Cpu.open().unwrap();
        let (input, output) = (37, 21);
        let stored: Vec<f32> = (0..input * output).map(|i| i as f32).collect();
        let torch = file(&stored, &[output, input]);
        let layer = |weights: Weights<'_>| weights.weight("a", input, output, &device).unwrap();
        let loaded = layer(Weights::new(
            SafetensorsBytes::parse("w", &torch).unwrap(),
            Layout::Torch,
        ));
        let values: Vec<f32> = loaded.val().into_data().try_into_vec().unwrap();
        for (index, value) in values.iter().enumerate() {
            let (column, row) = (index / output, index % output);
            assert_eq!(*value, stored[row * input + column]);
        }
        let burn = file(&values, &[input, output]);
        let again = layer(Weights::parse("w", &burn).unwrap());
        assert_eq!(again.val().into_data(), loaded.val().into_data());
    }
}
