using System.CommandLine;

namespace Cilium.Hosts.Hubble;

/// <summary><c>hubble config view|get|set|reset</c>, on the user's configuration file.</summary>
internal static class ConfigCommand
{
    public static Command Create()
    {
        var command = new Command("config", "Modify or view hubble config") { View(), Get(), Set(), Reset() };
        return command;
    }

    private static Command View()
    {
        var view = new Command("view", "Display merged configuration settings");
        view.SetAction(arguments =>
        {
            foreach (var key in HubbleConfig.Keys)
            {
                if (HubbleConfig.Value(key) is { } value)
                {
                    arguments.InvocationConfiguration.Output.WriteLine($"{key}: {value}");
                }
            }
        });
        return view;
    }

    private static Command Get()
    {
        var key = Key();
        var get = new Command("get", "Get an individual value in the hubble config file") { key };
        get.SetAction(arguments => arguments.InvocationConfiguration.Output.WriteLine(HubbleConfig.Value(arguments.GetValue(key)!) ?? ""));
        return get;
    }

    private static Command Set()
    {
        var key = Key();
        var value = new Argument<string>("value") { Arity = ArgumentArity.ZeroOrOne };
        var set = new Command("set", "Set an individual value in the hubble config file") { key, value };
        set.SetAction(arguments => Change(arguments.GetValue(key)!, arguments.GetValue(value)));
        return set;
    }

    private static Command Reset()
    {
        var key = Key();
        var reset = new Command("reset", "Reset an individual value in the hubble config file") { key };
        reset.SetAction(arguments => Change(arguments.GetValue(key)!, null));
        return reset;
    }

    private static Argument<string> Key()
    {
        var key = new Argument<string>("key");
        key.AcceptOnlyFromAmong(HubbleConfig.Keys);
        return key;
    }

    private static void Change(string key, string? value)
    {
        var values = HubbleConfig.Read();
        values.Remove(key);
        if (!string.IsNullOrEmpty(value))
        {
            values[key] = value;
        }

        HubbleConfig.Write(values);
    }
}
