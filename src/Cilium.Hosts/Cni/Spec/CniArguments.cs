namespace Cilium.Hosts.Cni.Spec;

/// <summary>What the runtime says through the environment.</summary>
internal sealed record CniArguments
{
    public required string Command { get; init; }

    public string ContainerId { get; init; } = "";

    public string NetworkNamespace { get; init; } = "";

    public string InterfaceName { get; init; } = "";

    public string PodNamespace { get; init; } = "";

    public string PodName { get; init; } = "";

    public string PodUid { get; init; } = "";

    /// <summary>Who an address is given to: <c>namespace/pod</c>, or the sandbox outside Kubernetes.</summary>
    public string Owner => PodName.Length > 0 ? $"{PodNamespace}/{PodName}" : ContainerId;

    /// <summary>Reads and checks the variables a command needs.</summary>
    /// <exception cref="CniException">Code 4, naming the variable.</exception>
    public static CniArguments Read(Func<string, string?> environment)
    {
        var command = environment("CNI_COMMAND") ?? "";
        if (command is not ("ADD" or "DEL" or "CHECK" or "STATUS" or "GC" or "VERSION"))
        {
            throw new CniException(CniErrorCode.InvalidEnvironment, $"CNI_COMMAND '{command}' is not known");
        }

        var (podNamespace, podName, podUid) = ReadPod(environment("CNI_ARGS") ?? "");
        var arguments = new CniArguments
        {
            Command = command,
            ContainerId = environment("CNI_CONTAINERID") ?? "",
            NetworkNamespace = environment("CNI_NETNS") ?? "",
            InterfaceName = environment("CNI_IFNAME") ?? "",
            PodNamespace = podNamespace,
            PodName = podName,
            PodUid = podUid,
        };
        if (command is "ADD" or "DEL" or "CHECK")
        {
            Require(IsContainerId(arguments.ContainerId), "CNI_CONTAINERID", arguments.ContainerId);
            Require(IsInterfaceName(arguments.InterfaceName), "CNI_IFNAME", arguments.InterfaceName);
            Require(command == "DEL" || arguments.NetworkNamespace.Length > 0, "CNI_NETNS", arguments.NetworkNamespace);
        }

        return arguments;
    }

    private static void Require(bool isValid, string variable, string value)
    {
        if (!isValid)
        {
            throw new CniException(CniErrorCode.InvalidEnvironment, value.Length == 0 ? $"{variable} is required" : $"{variable} '{value}' is not valid");
        }
    }

    private static bool IsContainerId(string id)
    {
        if (id.Length == 0 || !char.IsAsciiLetterOrDigit(id[0]))
        {
            return false;
        }

        foreach (var c in id)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('_' or '.' or '-'))
            {
                return false;
            }
        }

        return true;
    }

    private static bool IsInterfaceName(string name)
    {
        if (name.Length is 0 or > 15 || name is "." or "..")
        {
            return false;
        }

        foreach (var c in name)
        {
            if (c is '/' or ':' || char.IsWhiteSpace(c))
            {
                return false;
            }
        }

        return true;
    }

    private static (string Namespace, string Name, string Uid) ReadPod(string arguments)
    {
        string podNamespace = "", podName = "", podUid = "";
        foreach (var pair in arguments.Split(';', StringSplitOptions.RemoveEmptyEntries))
        {
            var equals = pair.IndexOf('=', StringComparison.Ordinal);
            if (equals < 0)
            {
                throw new CniException(CniErrorCode.InvalidEnvironment, $"CNI_ARGS: '{pair}' is not key=value");
            }

            var value = pair[(equals + 1)..];
            switch (pair[..equals])
            {
                case "K8S_POD_NAMESPACE":
                    podNamespace = value;
                    break;
                case "K8S_POD_NAME":
                    podName = value;
                    break;
                case "K8S_POD_UID":
                    podUid = value;
                    break;
            }
        }

        return (podNamespace, podName, podUid);
    }
}
