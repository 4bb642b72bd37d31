using System.Xml.Linq;
using Cilium.Core;

namespace Cilium.Aws.Tests.Ec2;

/// <summary>EC2's Query API over the model: parameters in, XML out. Lists come in pages of <paramref name="pageSize"/>.</summary>
/// <remarks>Names of parameters and elements are of the EC2 API reference, version 2016-11-15.</remarks>
public sealed class Ec2Query(Ec2Model model, int pageSize)
{
    public XElement Answer(IReadOnlyDictionary<string, string> p)
    {
        var action = p["Action"];
        var content = action switch
        {
            "DescribeInstances" => Page(p, "reservationSet", model.Instances.Values.Where(one => HasTags(p, one.Tags)).Select(one => Element("item", Element("instancesSet", Element("item",
                Element("instanceId", one.Id), Element("instanceType", one.Type), Tags(one.Tags)))))),
            "DescribeNetworkInterfaces" => Page(p, "networkInterfaceSet", model.Read(all => all.Where(one => Wanted(p, "attachment.instance-id", one.Instance)).Select(one => Interface("item", one)).ToList())),
            "DescribeSubnets" => Page(p, "subnetSet", model.Subnets.Values.Where(one => HasTags(p, one.Tags) && Wanted(p, "subnet-id", one.Id)).Select(one => Element("item",
                Element("subnetId", one.Id), Element("vpcId", one.Network), Element("availabilityZone", one.Zone), Element("cidrBlock", one.Cidr.ToString()),
                Element("availableIpAddressCount", model.FreeOf(one)), Tags(one.Tags)))),
            "DescribeSecurityGroups" => Page(p, "securityGroupInfo", model.Groups.Select(one => Element("item", Element("groupId", one.Id), Element("vpcId", one.Network), Tags(one.Tags)))),
            "DescribeVpcs" => Page(p, "vpcSet", model.Networks.Select(one => Element("item", Element("vpcId", one.Key), Element("cidrBlock", one.Value[0].ToString()),
                Element("cidrBlockAssociationSet", [.. one.Value.Select(cidr => Element("item", Element("cidrBlock", cidr.ToString()), Element("cidrBlockState", Element("state", "associated"))))])))),
            "DescribeInstanceTypes" => Page(p, "instanceTypeSet", model.Types.Values.Where(one => Wanted(p, "instance-type", one.Name)).Select(one => Element("item",
                Element("instanceType", one.Name), Element("hypervisor", one.IsNitro ? "nitro" : "xen"),
                Element("networkInfo", Element("maximumNetworkInterfaces", one.Interfaces), Element("ipv4AddressesPerInterface", one.Addresses))))),
            "CreateNetworkInterface" => [Interface("networkInterface", model.Create(
                p["SubnetId"], p.GetValueOrDefault("Description", ""), [.. Listed(p, "SecurityGroupId")], TagsOf(p), Number(p, "SecondaryPrivateIpAddressCount"), Number(p, "Ipv4PrefixCount"), p.GetValueOrDefault("ClientToken", "")))],
            "AttachNetworkInterface" => [Element("attachmentId", model.Attach(p["NetworkInterfaceId"], p["InstanceId"], Number(p, "DeviceIndex")))],
            "ModifyNetworkInterfaceAttribute" => [Element("return", model.Modify(p["NetworkInterfaceId"], p["Attachment.AttachmentId"], p["Attachment.DeleteOnTermination"] == "true"))],
            "DeleteNetworkInterface" => [Element("return", model.Delete(p["NetworkInterfaceId"]))],
            "AssignPrivateIpAddresses" => [Element("return", model.Assign(p["NetworkInterfaceId"], Number(p, "SecondaryPrivateIpAddressCount"), Number(p, "Ipv4PrefixCount")))],
            "UnassignPrivateIpAddresses" => (XElement[])[Element("return", model.Unassign(p["NetworkInterfaceId"], [.. Listed(p, "PrivateIpAddress").Select(IpAddr.Parse)]))],
            _ => throw new Ec2Fault("InvalidAction", $"The action {action} is not valid for this web service."),
        };
        return Element($"{action}Response", [Element("requestId", Guid.NewGuid().ToString()), .. content]);
    }

    public static XElement Refusal(Ec2Fault fault) => new("Response",
        new XElement("Errors", new XElement("Error", new XElement("Code", fault.Code), new XElement("Message", fault.Message))), new XElement("RequestID", Guid.NewGuid().ToString()));

    private static XElement Interface(string name, Ec2Interface one) => Element(name,
    [
        Element("networkInterfaceId", one.Id), Element("subnetId", one.Subnet.Id), Element("vpcId", one.Subnet.Network), Element("availabilityZone", one.Subnet.Zone),
        Element("description", one.Description), Element("status", one.Instance.Length > 0 ? "in-use" : "available"), Element("macAddress", one.Mac),
        Element("privateIpAddress", one.Primary.ToString()), Element("groupSet", [.. one.Groups.Select(group => Element("item", Element("groupId", group)))]),
        .. one.Instance.Length > 0
            ? [Element("attachment", Element("attachmentId", one.Attachment), Element("instanceId", one.Instance), Element("deviceIndex", one.Index), Element("deleteOnTermination", one.EndsWithInstance))]
            : Array.Empty<XElement>(),
        Element("privateIpAddressesSet", [.. one.Addresses.Select(address => (address, false)).Prepend((one.Primary, true))
            .Select(pair => Element("item", Element("privateIpAddress", pair.Item1.ToString()), Element("primary", pair.Item2)))]),
        Element("ipv4PrefixSet", [.. one.Prefixes.Select(prefix => Element("item", Element("ipv4Prefix", prefix.ToString())))]),
        Tags(one.Tags),
    ]);

    private static XElement Tags(Dictionary<string, string> tags) => Element("tagSet", [.. tags.Select(tag => Element("item", Element("key", tag.Key), Element("value", tag.Value)))]);

    private XElement[] Page(IReadOnlyDictionary<string, string> p, string name, IEnumerable<XElement> items)
    {
        var all = items.ToList();
        var from = p.TryGetValue("NextToken", out var token) ? int.Parse(token) : 0;
        var set = Element(name, [.. all.Skip(from).Take(pageSize)]);
        return from + pageSize < all.Count ? [set, Element("nextToken", from + pageSize)] : [set];
    }

    private static XElement Element(string name, params object[] content) => new(XName.Get(name, "http://ec2.amazonaws.com/doc/2016-11-15/"), content.Select(one => one is bool flag ? flag ? "true" : "false" : one));

    private static IEnumerable<string> Listed(IReadOnlyDictionary<string, string> p, string prefix)
    {
        for (var i = 1; p.TryGetValue($"{prefix}.{i}", out var value); i++) yield return value;
    }

    private static int Number(IReadOnlyDictionary<string, string> p, string name) => p.TryGetValue(name, out var value) ? int.Parse(value) : 0;

    private static Dictionary<string, string> TagsOf(IReadOnlyDictionary<string, string> p)
    {
        var tags = new Dictionary<string, string>();
        for (var i = 1; p.TryGetValue($"TagSpecification.1.Tag.{i}.Key", out var key); i++) tags[key] = p[$"TagSpecification.1.Tag.{i}.Value"];
        return tags;
    }

    private static IEnumerable<(string Name, string[] Values)> Filters(IReadOnlyDictionary<string, string> p)
    {
        for (var i = 1; p.TryGetValue($"Filter.{i}.Name", out var name); i++) yield return (name, [.. Listed(p, $"Filter.{i}.Value")]);
    }

    private static bool Wanted(IReadOnlyDictionary<string, string> p, string filter, string value) => Filters(p).All(one => one.Name != filter || one.Values.Contains(value));

    private static bool HasTags(IReadOnlyDictionary<string, string> p, Dictionary<string, string> tags) => Filters(p).All(one =>
        !one.Name.StartsWith("tag:", StringComparison.Ordinal) || (tags.TryGetValue(one.Name["tag:".Length..], out var value) && one.Values.Contains(value)));
}
