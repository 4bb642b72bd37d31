namespace Cilium.Bpf;

/// <summary>The running kernel lacks a feature that was asked for.</summary>
/// <param name="feature">The feature, in the field's words.</param>
/// <param name="minimumKernel">The first kernel version that has it, as in "6.6".</param>
public sealed class FeatureNotSupportedException(string feature, string minimumKernel)
    : Exception($"the kernel does not support {feature}; it needs Linux {minimumKernel} or newer")
{
    /// <summary>The feature.</summary>
    public string Feature { get; } = feature;

    /// <summary>The first kernel version that has it.</summary>
    public string MinimumKernel { get; } = minimumKernel;
}
