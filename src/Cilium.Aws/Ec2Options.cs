namespace Cilium.Aws;

/// <summary>How EC2 is asked, and what of it is looked at.</summary>
public sealed record Ec2Options
{
    /// <summary>URL of the endpoint in place of the region's; empty for that. Upstream's key <c>ec2-api-endpoint</c>.</summary>
    public string Endpoint { get; init; } = "";

    /// <summary>Calls per second in the long run. Upstream's key <c>limit-ipam-api-qps</c>.</summary>
    public double CallsPerSecond { get; init; } = 4;

    /// <summary>Calls that may be made at once. Upstream's key <c>limit-ipam-api-burst</c>.</summary>
    public int Burst { get; init; } = 20;

    /// <summary>The first wait after a refusal that may pass; doubled for each further one.</summary>
    public TimeSpan RetryMinimum { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>The longest wait.</summary>
    public TimeSpan RetryMaximum { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How often a call is made before its refusal is told.</summary>
    public int Attempts { get; init; } = 6;

    /// <summary>The longest wait for one answer.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Tags of interfaces that are made. Upstream's keys <c>eni-tags</c> and <c>eni-gc-tags</c>.</summary>
    public IReadOnlyDictionary<string, string> Tags { get; init; } = new Dictionary<string, string>();

    /// <summary>The only subnets that are looked at; empty for all. Upstream's key <c>subnet-ids-filter</c>.</summary>
    public IReadOnlyList<string> SubnetIds { get; init; } = [];

    /// <summary>Tags of the only subnets that are looked at; empty for all. Upstream's key <c>subnet-tags-filter</c>.</summary>
    public IReadOnlyDictionary<string, string> SubnetTags { get; init; } = new Dictionary<string, string>();

    /// <summary>Tags of the only instances that are looked at; empty for all. Upstream's key <c>instance-tags-filter</c>.</summary>
    public IReadOnlyDictionary<string, string> InstanceTags { get; init; } = new Dictionary<string, string>();

    /// <summary>True to ask EC2 what instance types hold before looking at the list that is built in. Upstream's key <c>update-ec2-adapter-limit-via-api</c>.</summary>
    public bool AsksForLimits { get; init; } = true;
}
