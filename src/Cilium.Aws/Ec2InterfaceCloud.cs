using Amazon.EC2;
using Amazon.EC2.Model;
using Amazon.Runtime;
using Cilium.Core;
using Cilium.Ipam;

namespace Cilium.Aws;

/// <summary>EC2: instances, their network interfaces and the addresses of these.</summary>
/// <remarks>Thread-safe. Credentials and region are found as the SDK does: environment, profile, web identity, instance metadata.</remarks>
public sealed class Ec2InterfaceCloud : IInterfaceCloud, IDisposable
{
    private const int PageSize = 1000;
    private static readonly TimeSpan s_limitsAge = TimeSpan.FromHours(12);
    private readonly Ec2Options _options;
    private readonly TimeProvider _time;
    private readonly AmazonEC2Client _client;
    private readonly Ec2Calls _calls;
    private readonly System.Collections.Concurrent.ConcurrentDictionary<string, (InstanceLimits Limits, DateTimeOffset At)> _limits = new();

    /// <summary>Makes a client.</summary>
    /// <param name="options">How EC2 is asked.</param>
    /// <param name="time">The clock of waits.</param>
    /// <param name="random">Where jitter comes from; must be thread-safe.</param>
    /// <param name="credentials">Whose calls they are; null to find out as the SDK does.</param>
    /// <exception cref="AmazonClientException">There are no credentials, or no region and no endpoint.</exception>
    public Ec2InterfaceCloud(Ec2Options options, TimeProvider time, Random random, AWSCredentials? credentials = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(time);
        ArgumentNullException.ThrowIfNull(random);
        _options = options;
        _time = time;
        var config = new AmazonEC2Config { MaxErrorRetry = 0, ThrottleRetries = false, Timeout = options.Timeout };
        if (options.Endpoint.Length > 0)
        {
            config.ServiceURL = options.Endpoint;
        }

        _client = credentials is null ? new AmazonEC2Client(config) : new AmazonEC2Client(credentials, config);
        _calls = new Ec2Calls(options, time, random);
    }

    /// <inheritdoc/>
    public void Dispose() => _client.Dispose();

    /// <inheritdoc/>
    public async Task<CloudInventory> ReadAsync(CancellationToken cancellationToken)
    {
        var instances = await ReadInstancesAsync(cancellationToken).ConfigureAwait(false);
        var interfaces = await ReadInterfacesAsync([], cancellationToken).ConfigureAwait(false);
        return new CloudInventory
        {
            Instances = instances,
            Interfaces = interfaces,
            Subnets = await ReadSubnetsAsync(cancellationToken).ConfigureAwait(false),
            SecurityGroups = await ReadSecurityGroupsAsync(cancellationToken).ConfigureAwait(false),
            Networks = await ReadNetworksAsync(cancellationToken).ConfigureAwait(false),
        };
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<CloudInterface>> ReadInstanceAsync(string instanceId, CancellationToken cancellationToken) =>
        await ReadInterfacesAsync([new Filter("attachment.instance-id", [instanceId])], cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    public async Task<InstanceLimits?> LimitsOfAsync(string instanceType, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(instanceType);
        if (_limits.TryGetValue(instanceType, out var known) && _time.GetUtcNow() - known.At < s_limitsAge)
        {
            return known.Limits;
        }

        if (!_options.AsksForLimits && InstanceTypeLimits.Find(instanceType) is { } builtIn)
        {
            return builtIn;
        }

        try
        {
            var request = new DescribeInstanceTypesRequest { Filters = [new Filter("instance-type", [instanceType])] };
            var answer = await _calls.MakeAsync("DescribeInstanceTypes", token => _client.DescribeInstanceTypesAsync(request, token), mayRepeat: true, cancellationToken).ConfigureAwait(false);
            if ((answer.InstanceTypes ?? []).Find(type => type.InstanceType?.Value == instanceType) is { } found)
            {
                var limits = Ec2Translation.LimitsOf(found);
                _limits[instanceType] = (limits, _time.GetUtcNow());
                return limits;
            }
        }
        catch (CloudRefusedException) when (InstanceTypeLimits.Find(instanceType) is not null)
        {
            // No permission, or too many calls: what is built in does.
            return InstanceTypeLimits.Find(instanceType);
        }

        return InstanceTypeLimits.Find(instanceType);
    }

    /// <inheritdoc/>
    public async Task<CloudInterface> CreateAsync(InterfaceAttachment wanted, string description, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(wanted);
        var request = new CreateNetworkInterfaceRequest
        {
            // One and the same in every attempt: EC2 makes one interface for it.
            ClientToken = Guid.NewGuid().ToString(),
            SubnetId = wanted.SubnetId,
            Description = description,
            Groups = [.. wanted.SecurityGroups],
        };
        if (_options.Tags.Count > 0)
        {
            request.TagSpecifications =
            [
                new TagSpecification { ResourceType = ResourceType.NetworkInterface, Tags = [.. _options.Tags.Select(tag => new Tag { Key = tag.Key, Value = tag.Value })] },
            ];
        }

        if (wanted is { Count: > 0, ArePrefixes: true })
        {
            request.Ipv4PrefixCount = wanted.Count;
        }
        else if (wanted.Count > 0)
        {
            request.SecondaryPrivateIpAddressCount = wanted.Count;
        }

        var answer = await _calls.MakeAsync("CreateNetworkInterface", token => _client.CreateNetworkInterfaceAsync(request, token), mayRepeat: true, cancellationToken).ConfigureAwait(false);
        return Ec2Translation.InterfaceOf(answer.NetworkInterface);
    }

    /// <inheritdoc/>
    public async Task AttachAsync(string interfaceId, string instanceId, int index, bool endsWithInstance, CancellationToken cancellationToken)
    {
        var attach = new AttachNetworkInterfaceRequest { NetworkInterfaceId = interfaceId, InstanceId = instanceId, DeviceIndex = index };
        var answer = await _calls.MakeAsync("AttachNetworkInterface", token => _client.AttachNetworkInterfaceAsync(attach, token), mayRepeat: false, cancellationToken).ConfigureAwait(false);
        var modify = new ModifyNetworkInterfaceAttributeRequest
        {
            NetworkInterfaceId = interfaceId,
            Attachment = new NetworkInterfaceAttachmentChanges { AttachmentId = answer.AttachmentId, DeleteOnTermination = endsWithInstance },
        };
        await _calls.MakeAsync("ModifyNetworkInterfaceAttribute", token => _client.ModifyNetworkInterfaceAttributeAsync(modify, token), mayRepeat: true, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async Task DeleteAsync(string interfaceId, CancellationToken cancellationToken)
    {
        var request = new DeleteNetworkInterfaceRequest { NetworkInterfaceId = interfaceId };
        try
        {
            await _calls.MakeAsync("DeleteNetworkInterface", token => _client.DeleteNetworkInterfaceAsync(request, token), mayRepeat: true, cancellationToken).ConfigureAwait(false);
        }
        catch (CloudRefusedException refused) when (refused.Reason == CloudRefusal.NotFound)
        {
            // It is gone, as it should be.
            return;
        }
    }

    /// <inheritdoc/>
    public Task AssignAsync(InterfaceAssignment wanted, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(wanted);
        var request = new AssignPrivateIpAddressesRequest { NetworkInterfaceId = wanted.InterfaceId };
        if (wanted.ArePrefixes)
        {
            request.Ipv4PrefixCount = wanted.Count;
        }
        else
        {
            request.SecondaryPrivateIpAddressCount = wanted.Count;
        }

        return _calls.MakeAsync("AssignPrivateIpAddresses", token => _client.AssignPrivateIpAddressesAsync(request, token), mayRepeat: false, cancellationToken);
    }

    /// <inheritdoc/>
    public Task UnassignAsync(string interfaceId, IReadOnlyList<IpAddr> addresses, CancellationToken cancellationToken)
    {
        // Once more would take an address that somebody was given meanwhile only if it came to the same interface; EC2 refuses what is not on it.
        var request = new UnassignPrivateIpAddressesRequest { NetworkInterfaceId = interfaceId, PrivateIpAddresses = [.. addresses.Select(address => address.ToString())] };
        return _calls.MakeAsync("UnassignPrivateIpAddresses", token => _client.UnassignPrivateIpAddressesAsync(request, token), mayRepeat: false, cancellationToken);
    }

    private async Task<Dictionary<string, string>> ReadInstancesAsync(CancellationToken cancellationToken)
    {
        var instances = new Dictionary<string, string>();
        List<Filter> filters = [new Filter("instance-state-name", ["pending", "running", "stopping", "stopped"]), .. TagFilters(_options.InstanceTags)];
        await EachPageAsync("DescribeInstances", async (next, token) =>
        {
            var page = await _client.DescribeInstancesAsync(new DescribeInstancesRequest { Filters = filters, MaxResults = PageSize, NextToken = next }, token).ConfigureAwait(false);
            foreach (var instance in (page.Reservations ?? []).SelectMany(reservation => reservation.Instances ?? []))
            {
                instances[instance.InstanceId] = instance.InstanceType?.Value ?? "";
            }

            return page.NextToken;
        }, cancellationToken).ConfigureAwait(false);
        return instances;
    }

    private async Task<List<CloudInterface>> ReadInterfacesAsync(List<Filter> filters, CancellationToken cancellationToken)
    {
        var interfaces = new List<CloudInterface>();
        await EachPageAsync("DescribeNetworkInterfaces", async (next, token) =>
        {
            var request = new DescribeNetworkInterfacesRequest { MaxResults = PageSize, NextToken = next };
            if (filters.Count > 0)
            {
                request.Filters = filters;
            }

            var page = await _client.DescribeNetworkInterfacesAsync(request, token).ConfigureAwait(false);
            interfaces.AddRange((page.NetworkInterfaces ?? []).Select(Ec2Translation.InterfaceOf));
            return page.NextToken;
        }, cancellationToken).ConfigureAwait(false);
        return interfaces;
    }

    private async Task<List<InterfaceSubnet>> ReadSubnetsAsync(CancellationToken cancellationToken)
    {
        var subnets = new List<InterfaceSubnet>();
        List<Filter> filters = [.. TagFilters(_options.SubnetTags)];
        if (_options.SubnetIds.Count > 0)
        {
            filters.Add(new Filter("subnet-id", [.. _options.SubnetIds]));
        }

        await EachPageAsync("DescribeSubnets", async (next, token) =>
        {
            var page = await _client.DescribeSubnetsAsync(new DescribeSubnetsRequest { Filters = filters, MaxResults = PageSize, NextToken = next }, token).ConfigureAwait(false);
            subnets.AddRange((page.Subnets ?? []).Select(Ec2Translation.SubnetOf));
            return page.NextToken;
        }, cancellationToken).ConfigureAwait(false);
        return subnets;
    }

    private async Task<List<InterfaceSecurityGroup>> ReadSecurityGroupsAsync(CancellationToken cancellationToken)
    {
        var groups = new List<InterfaceSecurityGroup>();
        await EachPageAsync("DescribeSecurityGroups", async (next, token) =>
        {
            var page = await _client.DescribeSecurityGroupsAsync(new DescribeSecurityGroupsRequest { MaxResults = PageSize, NextToken = next }, token).ConfigureAwait(false);
            groups.AddRange((page.SecurityGroups ?? []).Select(Ec2Translation.GroupOf));
            return page.NextToken;
        }, cancellationToken).ConfigureAwait(false);
        return groups;
    }

    private async Task<Dictionary<string, EquatableArray<Prefix>>> ReadNetworksAsync(CancellationToken cancellationToken)
    {
        var networks = new Dictionary<string, EquatableArray<Prefix>>();
        await EachPageAsync("DescribeVpcs", async (next, token) =>
        {
            var page = await _client.DescribeVpcsAsync(new DescribeVpcsRequest { MaxResults = PageSize, NextToken = next }, token).ConfigureAwait(false);
            foreach (var network in page.Vpcs ?? [])
            {
                networks[network.VpcId] = Ec2Translation.CidrsOf(network);
            }

            return page.NextToken;
        }, cancellationToken).ConfigureAwait(false);
        return networks;
    }

    private async Task EachPageAsync(string call, Func<string?, CancellationToken, Task<string?>> readPage, CancellationToken cancellationToken)
    {
        string? next = null;
        do
        {
            var wanted = next;
            next = await _calls.MakeAsync(call, token => readPage(wanted, token), mayRepeat: true, cancellationToken).ConfigureAwait(false);
        }
        while (!string.IsNullOrEmpty(next));
    }

    private static IEnumerable<Filter> TagFilters(IReadOnlyDictionary<string, string> tags) => tags.Select(tag => new Filter($"tag:{tag.Key}", [tag.Value]));
}
