using Cilium.Core;

namespace Cilium.Aws.Tests.Ec2;

public sealed record Ec2Instance(string Id, string Type, string Network, string Zone, Dictionary<string, string> Tags);

public sealed record Ec2Subnet(string Id, string Network, string Zone, Prefix Cidr, Dictionary<string, string> Tags);

public sealed record Ec2Group(string Id, string Network, Dictionary<string, string> Tags);

public sealed record Ec2Type(string Name, int Interfaces, int Addresses, bool IsNitro);

public sealed class Ec2Interface
{
    public required string Id { get; init; }
    public required Ec2Subnet Subnet { get; init; }
    public required string Mac { get; init; }
    public required IpAddr Primary { get; init; }
    public string Description { get; init; } = "";
    public List<string> Groups { get; init; } = [];
    public Dictionary<string, string> Tags { get; init; } = [];
    public List<IpAddr> Addresses { get; } = [];
    public List<Prefix> Prefixes { get; } = [];
    public string Instance { get; set; } = "";
    public int Index { get; set; }
    public string Attachment { get; set; } = "";
    public bool EndsWithInstance { get; set; }

    public IEnumerable<IpAddr> PodAddresses => Addresses.Concat(Prefixes.SelectMany(prefix => Enumerable.Range(0, 16).Select(i => prefix.Address.Add((UInt128)i))));
}

/// <summary>What EC2 keeps: subnets whose addresses are owned once, interfaces within the limits of instances. Refuses as EC2 does.</summary>
public sealed class Ec2Model
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Ec2Interface> _interfaces = [];
    private readonly Dictionary<string, string> _tokens = [];
    private int _next;

    public Dictionary<string, Prefix[]> Networks { get; } = [];

    public Dictionary<string, Ec2Instance> Instances { get; } = [];

    public Dictionary<string, Ec2Subnet> Subnets { get; } = [];

    public List<Ec2Group> Groups { get; } = [];

    public Dictionary<string, Ec2Type> Types { get; } = new() { ["m5.large"] = new("m5.large", 3, 10, true), ["t2.small"] = new("t2.small", 3, 4, false) };

    /// <summary>Called after each change, outside the lock.</summary>
    public Action? Changed { get; set; }

    public T Read<T>(Func<IReadOnlyCollection<Ec2Interface>, T> read)
    {
        lock (_lock) return read(_interfaces.Values);
    }

    public int FreeOf(Ec2Subnet subnet)
    {
        lock (_lock) return Free(subnet).Count();
    }

    /// <summary>An instance as it was started: with its first interface.</summary>
    public void Start(Ec2Instance instance, string subnet, string? mac = null, params string[] groups)
    {
        lock (_lock)
        {
            Instances.Add(instance.Id, instance);
            var first = Make(subnet, "Primary network interface", [.. groups], [], mac);
            (first.Instance, first.Index, first.Attachment, first.EndsWithInstance) = (instance.Id, 0, $"eni-attach-{++_next}", true);
        }

        Changed?.Invoke();
    }

    public Ec2Interface Create(string subnet, string description, List<string> groups, Dictionary<string, string> tags, int addresses, int prefixes, string token) => Change(() =>
    {
        if (token.Length > 0 && _tokens.TryGetValue(token, out var same)) return _interfaces[same];
        if (groups.Exists(group => Groups.TrueForAll(known => known.Id != group))) throw new Ec2Fault("InvalidGroup.NotFound", "no such group");
        var made = Make(subnet, description, groups, tags, null);
        try
        {
            Assign(made, addresses, prefixes);
        }
        catch (Ec2Fault)
        {
            _interfaces.Remove(made.Id);
            throw;
        }

        if (token.Length > 0) _tokens[token] = made.Id;
        return made;
    });

    public string Attach(string id, string instance, int index) => Change(() =>
    {
        var found = Find(id);
        if (!Instances.TryGetValue(instance, out var owner)) throw new Ec2Fault("InvalidInstanceID.NotFound", $"The instance ID '{instance}' does not exist");
        if (found.Instance.Length > 0) throw new Ec2Fault("InvalidParameterValue", "already attached");
        var present = _interfaces.Values.Where(other => other.Instance == instance).ToList();
        if (present.Exists(other => other.Index == index)) throw new Ec2Fault("InvalidParameterValue", $"Instance '{instance}' already has an interface attached at device index '{index}'.");
        if (present.Count >= Types[owner.Type].Interfaces) throw new Ec2Fault("AttachmentLimitExceeded", "Interface count exceeds the limit for the instance type");
        CheckSlots(found, owner);
        (found.Instance, found.Index, found.Attachment) = (instance, index, $"eni-attach-{++_next}");
        return found.Attachment;
    });

    public bool Modify(string id, string attachment, bool endsWithInstance) => Change(() =>
    {
        var found = Find(id);
        if (found.Attachment != attachment) throw new Ec2Fault("InvalidAttachmentID.NotFound", "no such attachment");
        found.EndsWithInstance = endsWithInstance;
        return true;
    });

    public bool Delete(string id) => Change(() =>
    {
        if (Find(id).Instance.Length > 0) throw new Ec2Fault("InvalidParameterValue", "Network interface is currently in use.");
        return _interfaces.Remove(id);
    });

    public bool Assign(string id, int addresses, int prefixes) => Change(() =>
    {
        Assign(Find(id), addresses, prefixes);
        return true;
    });

    public bool Unassign(string id, IReadOnlyList<IpAddr> addresses) => Change(() =>
    {
        var found = Find(id);
        if (addresses.Any(address => !found.Addresses.Contains(address))) throw new Ec2Fault("InvalidParameterValue", "Some networks are not assigned to interface");
        found.Addresses.RemoveAll(addresses.Contains);
        return true;
    });

    private static IEnumerable<IpAddr> Everything(Ec2Interface one) => one.PodAddresses.Prepend(one.Primary);

    private T Change<T>(Func<T> change)
    {
        T result;
        lock (_lock) result = change();
        Changed?.Invoke();
        return result;
    }

    private Ec2Interface Find(string id) =>
        _interfaces.GetValueOrDefault(id) ?? throw new Ec2Fault("InvalidNetworkInterfaceID.NotFound", $"The networkInterface ID '{id}' does not exist");

    private Ec2Interface Make(string subnet, string description, List<string> groups, Dictionary<string, string> tags, string? mac)
    {
        var inSubnet = Subnets.GetValueOrDefault(subnet) ?? throw new Ec2Fault("InvalidSubnetID.NotFound", $"The subnet ID '{subnet}' does not exist");
        var number = ++_next;
        var made = new Ec2Interface
        {
            Id = $"eni-{number:x8}",
            Subnet = inSubnet,
            Mac = mac ?? $"02:0e:00:00:{number >> 8 & 255:x2}:{number & 255:x2}",
            Primary = Take(inSubnet, 1)[0],
            Description = description,
            Groups = groups,
            Tags = tags,
        };
        _interfaces.Add(made.Id, made);
        return made;
    }

    private void Assign(Ec2Interface found, int addresses, int prefixes)
    {
        if (found.Instance.Length > 0 && Types[Instances[found.Instance].Type] is var type
            && (1 + found.Addresses.Count + found.Prefixes.Count + addresses + prefixes > type.Addresses || (prefixes > 0 && !type.IsNitro)))
        {
            throw new Ec2Fault("PrivateIpAddressLimitExceeded", "Number of private addresses will exceed limit.");
        }

        var blocks = TakePrefixes(found.Subnet, prefixes);
        found.Prefixes.AddRange(blocks);
        try
        {
            found.Addresses.AddRange(Take(found.Subnet, addresses));
        }
        catch (Ec2Fault)
        {
            found.Prefixes.RemoveAll(blocks.Contains);
            throw;
        }
    }

    private void CheckSlots(Ec2Interface found, Ec2Instance owner)
    {
        var type = Types[owner.Type];
        if (1 + found.Addresses.Count + found.Prefixes.Count > type.Addresses || (found.Prefixes.Count > 0 && !type.IsNitro))
            throw new Ec2Fault("PrivateIpAddressLimitExceeded", "Number of private addresses will exceed limit.");
    }

    // The first four and the last address of a subnet are AWS's own.
    private IEnumerable<IpAddr> Free(Ec2Subnet subnet)
    {
        var taken = _interfaces.Values.Where(one => one.Subnet.Id == subnet.Id).SelectMany(Everything).ToHashSet();
        return Enumerable.Range(4, (1 << (32 - subnet.Cidr.Length)) - 5).Select(i => subnet.Cidr.Address.Add((UInt128)i)).Where(address => !taken.Contains(address));
    }

    private List<IpAddr> Take(Ec2Subnet subnet, int count)
    {
        var free = Free(subnet).Take(count).ToList();
        return free.Count == count ? free : throw new Ec2Fault("InsufficientFreeAddressesInSubnet", "The specified subnet does not have enough free addresses to satisfy the request.");
    }

    private List<Prefix> TakePrefixes(Ec2Subnet subnet, int count)
    {
        var free = Free(subnet).ToHashSet();
        var found = Enumerable.Range(0, 1 << Math.Max(0, 28 - subnet.Cidr.Length)).Select(i => new Prefix(subnet.Cidr.Address.Add((UInt128)(16 * i)), 28))
            .Where(block => Enumerable.Range(0, 16).All(i => free.Contains(block.Address.Add((UInt128)i)))).Take(count).ToList();
        return found.Count == count ? found : throw new Ec2Fault("InsufficientCidrBlocks", "The specified subnet does not have enough free cidr blocks to satisfy the request.");
    }
}
