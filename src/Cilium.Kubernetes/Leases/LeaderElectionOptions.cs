namespace Cilium.Kubernetes;

/// <summary>Which lease makes the leader, and how fast it changes hands.</summary>
public sealed class LeaderElectionOptions
{
    /// <summary>The namespace of the lease.</summary>
    public string LeaseNamespace { get; set; } = "kube-system";

    /// <summary>The name of the lease.</summary>
    public string LeaseName { get; set; } = "cilium-operator-resource-lock";

    /// <summary>Who we are; unique among the candidates.</summary>
    public string Candidate { get; set; } = "";

    /// <summary>How long the others wait after the last renewal that they saw.</summary>
    public TimeSpan LeaseDuration { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>How long a leader that cannot renew still leads.</summary>
    public TimeSpan RenewDeadline { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Time between attempts.</summary>
    public TimeSpan RetryPeriod { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>Throws when the values contradict each other.</summary>
    /// <exception cref="ArgumentException">Names the option.</exception>
    public void Validate()
    {
        ArgumentException.ThrowIfNullOrEmpty(Candidate, nameof(Candidate));
        if (RetryPeriod <= TimeSpan.Zero || RenewDeadline <= RetryPeriod || LeaseDuration <= RenewDeadline)
        {
            throw new ArgumentException(
                $"{nameof(LeaseDuration)} ({LeaseDuration}) must be longer than {nameof(RenewDeadline)} ({RenewDeadline}), "
                + $"and that longer than {nameof(RetryPeriod)} ({RetryPeriod})");
        }

        if (LeaseDuration < TimeSpan.FromSeconds(1))
        {
            throw new ArgumentException($"{nameof(LeaseDuration)} must be at least a second, not {LeaseDuration}");
        }
    }
}
