using System.Collections;
using Cilium.ControlPlane.Configuration;

namespace Cilium.ControlPlane.Agent;

/// <summary>Reads an agent's command line, environment and configuration directory into options.</summary>
public static class AgentCommandLine
{
    private const string DirectoryKey = "config-dir";

    /// <summary>Reads the options; flags beat variables, which beat files.</summary>
    /// <param name="arguments"><c>--key value</c>, <c>--key=value</c>, or <c>--key</c> for true.</param>
    /// <param name="variables">The environment.</param>
    /// <param name="unknown">Keys in the configuration directory that are none of the agent's.</param>
    /// <exception cref="ConfigurationException">Names every wrong key.</exception>
    public static AgentOptions Read(IReadOnlyList<string> arguments, IDictionary variables, out IReadOnlyList<string> unknown)
    {
        var schema = AgentOptions.Schema();
        var flags = Flags(arguments, [.. schema.Keys.Select(entry => entry.Key)]);
        flags.Remove(DirectoryKey, out var directory);
        directory ??= variables[ConfigValues.VariableOf(DirectoryKey)] as string;
        var values = new ConfigValues(flags, variables, directory);
        var options = new AgentOptions();
        unknown = schema.Bind(values, options, AgentOptionKeys.Check);
        var written = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var key in values.Keys)
        {
            if (values.TryGet(key, null, out var value))
            {
                written[key] = value.Text;
            }
        }

        options.Written = written;
        options.MapSizing.ApplyTo(options.Datapath, MachineMemory.ReadTotalBytes());
        return options;
    }

    private static Dictionary<string, string> Flags(IReadOnlyList<string> arguments, HashSet<string> known)
    {
        var flags = new Dictionary<string, string>();
        var errors = new List<string>();
        for (var i = 0; i < arguments.Count; i++)
        {
            if (!arguments[i].StartsWith("--", StringComparison.Ordinal))
            {
                errors.Add($"'{arguments[i]}' is not a flag");
                continue;
            }

            var equals = arguments[i].IndexOf('=', StringComparison.Ordinal);
            var key = equals < 0 ? arguments[i][2..] : arguments[i][2..equals];
            if (!known.Contains(key) && key != DirectoryKey)
            {
                errors.Add($"flag --{key} is not known");
            }

            var hasValue = equals < 0 && i + 1 < arguments.Count && !arguments[i + 1].StartsWith("--", StringComparison.Ordinal);
            flags[key] = equals >= 0 ? arguments[i][(equals + 1)..] : hasValue ? arguments[++i] : "true";
        }

        return errors.Count == 0 ? flags : throw new ConfigurationException(errors);
    }
}
