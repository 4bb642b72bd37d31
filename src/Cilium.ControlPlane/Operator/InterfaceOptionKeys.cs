using Cilium.ControlPlane.Configuration;

namespace Cilium.ControlPlane.Operator;

/// <summary>The keys of <see cref="InterfaceOptions"/>, which are upstream's.</summary>
internal static class InterfaceOptionKeys
{
    public static OptionSchema<OperatorOptions> AddTo(OptionSchema<OperatorOptions> schema) => schema
        .Text("ec2-api-endpoint", "URL of EC2 in place of the region's", static (o, v) => o.Interfaces.Endpoint = v.Length == 0 || v.Contains("://", StringComparison.Ordinal) ? v : $"https://{v}")
        .Checked("limit-ipam-api-qps", "Calls of EC2 per second", static (o, v) =>
        {
            if (!double.TryParse(v, System.Globalization.CultureInfo.InvariantCulture, out var value) || value is <= 0 or > 10_000)
            {
                return "must be a number above 0 and at most 10000";
            }

            o.Interfaces.CallsPerSecond = value;
            return null;
        })
        .Integer("limit-ipam-api-burst", "Calls of EC2 that may be made at once", 1, 10_000, static (o, v) => o.Interfaces.Burst = (int)v)
        .Pairs("eni-tags", "Tags of interfaces that are made", static (o, v) => o.Interfaces.Tags = v)
        .Pairs("eni-gc-tags", "Tags by which interfaces of ours are known that were never attached", static (o, v) => o.Interfaces.GcTags = v)
        .Duration("eni-gc-interval", "Time between looks for such interfaces; 0 for never", TimeSpan.Zero, static (o, v) => o.Interfaces.GcInterval = v)
        .List("subnet-ids-filter", "The only subnets that are looked at", static (o, v) => o.Interfaces.SubnetIds = v)
        .Pairs("subnet-tags-filter", "Tags of the only subnets that are looked at", static (o, v) => o.Interfaces.SubnetTags = v)
        .Pairs("instance-tags-filter", "Tags of the only instances that are looked at", static (o, v) => o.Interfaces.InstanceTags = v)
        .Boolean("update-ec2-adapter-limit-via-api", "Ask EC2 what instance types hold", static (o, v) => o.Interfaces.AsksForLimits = v)
        .Boolean("aws-enable-prefix-delegation", "Take /28 prefixes where instances can hold them", static (o, v) => o.Interfaces.PrefersPrefixes = v)
        .Boolean("aws-release-excess-ips", "Take back addresses that nodes have too many of", static (o, v) => o.Interfaces.ReleasesExcess = v)
        .Duration("excess-ip-release-delay", "How long an address must be too many", TimeSpan.Zero, static (o, v) => o.Interfaces.ReleaseDelay = v)
        .Absent("aws-use-primary-address", "pods with the interfaces' own addresses", "false", "");
}
