namespace Cilium.Policy;

/// <summary>When policy is enforced.</summary>
public enum EnforcementMode
{
    /// <summary>For an endpoint and direction that some rule speaks of.</summary>
    Default = 0,

    /// <summary>For every endpoint, rules or not.</summary>
    Always = 1,

    /// <summary>Nowhere; rules are ignored.</summary>
    Never = 2,
}

/// <summary>How rules become policies.</summary>
public sealed record PolicyOptions
{
    /// <summary>The local cluster.</summary>
    public required ClusterFacts Cluster { get; init; }

    /// <summary>When policy is enforced (<c>enable-policy</c>).</summary>
    public EnforcementMode Enforcement { get; init; } = EnforcementMode.Default;

    /// <summary>True to let the local node reach its endpoints unless a rule denies it, so that probes pass (<c>allow-localhost</c>).</summary>
    public bool AllowLocalhost { get; init; } = true;
}
