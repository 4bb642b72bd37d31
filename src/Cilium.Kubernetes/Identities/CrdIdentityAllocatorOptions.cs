using Cilium.Core;

namespace Cilium.Kubernetes;

/// <summary>The numbers from which identities are taken.</summary>
public sealed class CrdIdentityAllocatorOptions
{
    /// <summary>The smallest number.</summary>
    public uint Minimum { get; set; } = Identity.MinimumAllocated;

    /// <summary>The largest number.</summary>
    public uint Maximum { get; set; } = Identity.MaximumAllocated;

    /// <summary>Throws when the values contradict each other.</summary>
    /// <exception cref="ArgumentException">Names the option.</exception>
    public void Validate()
    {
        if (Minimum < Identity.MinimumAllocated || Maximum < Minimum || Maximum > 0x00ff_ffff)
        {
            throw new ArgumentException(
                $"{nameof(Minimum)} ({Minimum}) must be at least {Identity.MinimumAllocated} and not more than {nameof(Maximum)} ({Maximum}), which fits 24 bits");
        }
    }
}
