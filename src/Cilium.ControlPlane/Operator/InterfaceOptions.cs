namespace Cilium.ControlPlane.Operator;

/// <summary>Mode <c>eni</c>, as the operator is told.</summary>
public sealed class InterfaceOptions
{
    /// <summary>URL of the EC2 endpoint in place of the region's; empty for that. Key <c>ec2-api-endpoint</c>.</summary>
    public string Endpoint { get; set; } = "";

    /// <summary>Calls of EC2 per second in the long run. Key <c>limit-ipam-api-qps</c>.</summary>
    public double CallsPerSecond { get; set; } = 4;

    /// <summary>Calls of EC2 that may be made at once. Key <c>limit-ipam-api-burst</c>.</summary>
    public int Burst { get; set; } = 20;

    /// <summary>Tags of interfaces that are made. Key <c>eni-tags</c>.</summary>
    public IReadOnlyDictionary<string, string> Tags { get; set; } = new Dictionary<string, string>();

    /// <summary>Tags by which interfaces of ours are known that were never attached; empty for the defaults. Key <c>eni-gc-tags</c>.</summary>
    public IReadOnlyDictionary<string, string> GcTags { get; set; } = new Dictionary<string, string>();

    /// <summary>Time between two looks for such interfaces, which must be found twice; zero for never. Key <c>eni-gc-interval</c>.</summary>
    public TimeSpan GcInterval { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>The only subnets that are looked at. Key <c>subnet-ids-filter</c>.</summary>
    public IReadOnlyList<string> SubnetIds { get; set; } = [];

    /// <summary>Tags of the only subnets that are looked at. Key <c>subnet-tags-filter</c>.</summary>
    public IReadOnlyDictionary<string, string> SubnetTags { get; set; } = new Dictionary<string, string>();

    /// <summary>Tags of the only instances that are looked at. Key <c>instance-tags-filter</c>.</summary>
    public IReadOnlyDictionary<string, string> InstanceTags { get; set; } = new Dictionary<string, string>();

    /// <summary>Ask EC2 what instance types hold before looking at the list that is built in. Key <c>update-ec2-adapter-limit-via-api</c>.</summary>
    public bool AsksForLimits { get; set; } = true;

    /// <summary>Take /28 prefixes where instances can hold them. Key <c>aws-enable-prefix-delegation</c>.</summary>
    public bool PrefersPrefixes { get; set; }

    /// <summary>Take back addresses that nodes have too many of. Key <c>aws-release-excess-ips</c>.</summary>
    public bool ReleasesExcess { get; set; }

    /// <summary>How long an address must be too many. Key <c>excess-ip-release-delay</c>.</summary>
    public TimeSpan ReleaseDelay { get; set; } = TimeSpan.FromSeconds(180);

    /// <summary>How old what is known of EC2 may become: a minute, or less where addresses are taken back sooner than that.</summary>
    public TimeSpan LookAgain => ReleasesExcess && ReleaseDelay < TimeSpan.FromMinutes(1)
        ? TimeSpan.FromSeconds(Math.Max(ReleaseDelay.TotalSeconds, 2))
        : TimeSpan.FromMinutes(1);
}
