using Amazon.EC2.Model;
using Cilium.Core;
using Cilium.Ipam;

namespace Cilium.Aws;

/// <summary>EC2's words to ours. What EC2 leaves out is empty.</summary>
internal static class Ec2Translation
{
    public static CloudInterface InterfaceOf(NetworkInterface found) => new(found.NetworkInterfaceId)
    {
        InstanceId = found.Attachment?.InstanceId ?? "",
        Index = found.Attachment?.DeviceIndex ?? 0,
        SubnetId = found.SubnetId ?? "",
        Network = found.VpcId ?? "",
        Zone = found.AvailabilityZone ?? "",
        Description = found.Description ?? "",
        PrimaryAddress = IpAddr.TryParse(found.PrivateIpAddress, out var primary) ? primary : IpAddr.None,
        Mac = MacAddress.TryParse(found.MacAddress, out var mac) ? mac : MacAddress.None,
        Addresses = (found.PrivateIpAddresses ?? []).Where(address => address.Primary != true)
            .Select(address => IpAddr.TryParse(address.PrivateIpAddress, out var parsed) ? parsed : IpAddr.None)
            .Where(address => !address.IsNone).Order().ToEquatableArray(),
        Prefixes = (found.Ipv4Prefixes ?? []).SelectMany(prefix => PrefixOf(prefix.Ipv4Prefix)).OrderBy(prefix => prefix.Address).ToEquatableArray(),
        SecurityGroups = (found.Groups ?? []).Select(group => group.GroupId).ToEquatableArray(),
        Tags = TagsOf(found.TagSet),
    };

    public static InterfaceSubnet SubnetOf(Subnet found) =>
        new(found.SubnetId, found.VpcId ?? "", found.AvailabilityZone ?? "", found.AvailableIpAddressCount ?? 0, TagsOf(found.Tags))
        {
            Cidr = PrefixOf(found.CidrBlock).FirstOrDefault(),
        };

    public static InterfaceSecurityGroup GroupOf(SecurityGroup found) => new(found.GroupId, found.VpcId ?? "", TagsOf(found.Tags));

    public static EquatableArray<Prefix> CidrsOf(Vpc found) => PrefixOf(found.CidrBlock)
        .Concat((found.CidrBlockAssociationSet ?? []).Where(entry => entry.CidrBlockState?.State?.Value == "associated").SelectMany(entry => PrefixOf(entry.CidrBlock)))
        .Distinct().ToEquatableArray();

    public static InstanceLimits LimitsOf(InstanceTypeInfo found) => new(
        found.NetworkInfo?.MaximumNetworkInterfaces ?? 0,
        found.NetworkInfo?.Ipv4AddressesPerInterface ?? 0,
        HasPrefixes: found.Hypervisor?.Value == "nitro" || found.BareMetal == true);

    private static Dictionary<string, string> TagsOf(List<Tag>? tags) => (tags ?? []).ToDictionary(tag => tag.Key, tag => tag.Value ?? "");

    private static IEnumerable<Prefix> PrefixOf(string? text) => Prefix.TryParse(text, out var prefix) ? [prefix] : [];
}
